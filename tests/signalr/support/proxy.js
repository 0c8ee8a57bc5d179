// A network that breaks when it is told to.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  #server;
  #sockets = new Set();
  /** How many have come through. */
  connections = 0;
  /** Whether those who come are turned away. */
  refusing = false;

  static async to(url) {
    const proxy = new Proxy();
    const { hostname, port } = new URL(url);
    proxy.#server = createServer((near) => {
      if (proxy.refusing) return near.destroy();
      proxy.connections += 1;
      const far = connect(Number(port), hostname);
      for (const socket of [near, far]) {
        proxy.#sockets.add(socket);
        socket.on("error", () => {}).on("close", () => (proxy.#sockets.delete(socket), near.destroy(), far.destroy()));
      }
      near.pipe(far).pipe(near);
    });
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  /** The address of `path` behind it. */
  url(path) {
    return `http://127.0.0.1:${this.#server.address().port}${path}`;
  }

  /** Breaks everything that is open, without a goodbye. */
  cut() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  stop() {
    this.#server.close();
    this.cut();
  }
}
