// A wire that can be cut: everything passes through it until somebody cuts.

import net from "node:net";

/** Resolves to a proxy of `url`; `cut()` breaks all connections as a failing network does. */
export async function proxy(url) {
  const { hostname, port } = new URL(url);
  const sockets = new Set();
  let connections = 0;
  let refusing = false;
  const server = net.createServer((client) => {
    if (refusing) return client.destroy();
    connections += 1;
    const upstream = net.connect(port, hostname);
    for (const [socket, other] of [[client, upstream], [upstream, client]]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => (sockets.delete(socket), other.destroy()));
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    cut: () => sockets.forEach((socket) => socket.resetAndDestroy()),
    refuse: (yes) => (refusing = yes),
    connections: () => connections,
    stop: () => (sockets.forEach((socket) => socket.destroy()), new Promise((resolve) => server.close(resolve))),
  };
}
