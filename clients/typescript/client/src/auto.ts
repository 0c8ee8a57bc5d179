/** The choice between transports. */

import type { Socket } from "./socket.js";
import type { Transport } from "./transport.js";

/** Times that a socket may fail where Server-Sent Events work, before it is left alone. Once may be a restart. */
const SOCKET_FAILURES = 2;

/** A WebSocket where it can be opened, because one serves all subscriptions; Server-Sent Events where it cannot. */
export function autoTransport(socket: Socket, sse: Transport): Transport {
  let failures = 0;
  return async function* (request, signal) {
    const tries = failures < SOCKET_FAILURES;
    if (tries && (await socket.connects())) {
      failures = 0;
      return yield* socket.open(request, signal);
    }
    let counted = !tries;
    for await (const item of sse(request, signal)) {
      // Where nothing works, nothing is said about the socket.
      if (!counted) failures += 1;
      counted = true;
      yield item;
    }
  };
}
