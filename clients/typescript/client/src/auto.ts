/** The choice between transports. */

import type { SocketTransport } from "./socket.js";
import type { Received, Request, Transport } from "./transport.js";

/** Times that a socket may fail where Server-Sent Events work, before it is left alone. Once may be a restart. */
const SOCKET_FAILURES = 2;

/** A WebSocket where it can be opened, because one serves all subscriptions; Server-Sent Events where it cannot. */
export class AutoTransport implements Transport {
  readonly #socket: SocketTransport;
  readonly #sse: Transport;
  #failures = 0;

  constructor(socket: SocketTransport, sse: Transport) {
    this.#socket = socket;
    this.#sse = sse;
  }

  async *open(request: Request, signal: AbortSignal): AsyncGenerator<Received> {
    if (this.#failures < SOCKET_FAILURES && (await this.#connects())) {
      this.#failures = 0;
      yield* this.#socket.open(request, signal);
      return;
    }
    let failed = this.#failures < SOCKET_FAILURES;
    for await (const item of this.#sse.open(request, signal)) {
      // Where nothing works, nothing is said about the socket.
      if (failed) this.#failures += 1;
      failed = false;
      yield item;
    }
  }

  #connects(): Promise<boolean> {
    return this.#socket.connect().then(
      () => true,
      () => false,
    );
  }
}
