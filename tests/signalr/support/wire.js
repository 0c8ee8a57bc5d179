// A network that breaks when it is told to.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Wire {
  #server;
  #sockets = new Set();
  /** How many have come through. */
  connections = 0;
  /** Whether those who come are turned away. */
  refusing = false;

  static async to(url) {
    const wire = new Wire();
    const { hostname, port } = new URL(url);
    wire.#server = createServer((near) => {
      if (wire.refusing) return near.destroy();
      wire.connections += 1;
      const far = connect(Number(port), hostname);
      for (const socket of [near, far]) {
        wire.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          wire.#sockets.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.pipe(far).pipe(near);
    });
    wire.#server.listen(0, "127.0.0.1");
    await once(wire.#server, "listening");
    return wire;
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
