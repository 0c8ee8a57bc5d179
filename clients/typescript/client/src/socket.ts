/** Many subscriptions over one WebSocket. */

import { Channel } from "./channel.js";
import { MilepostError, unreachable } from "./error.js";
import type { Problem } from "./generated.js";
import type { Http } from "./http.js";
import { SILENCE_MS } from "./stream.js";
import { type Received, received, type Transport } from "./transport.js";
import type { Cursor } from "./types.js";

/** How often the server is asked whether it is there; its own pings cannot be seen from here. */
const PING_MS = 15_000;

/** How long a socket stays open that nobody uses: whoever leaves often comes back at once. */
const LINGER_MS = 1_000;

/** How long connecting may take. */
const CONNECT_MS = 10_000;

/** The part of `WebSocket` that is needed; that of browsers and that of the `ws` package have it. */
export interface WebSocketLike {
  send(data: string): void;
  close(): void;
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
}

export type WebSocketConstructor = new (url: string) => WebSocketLike;

interface Told {
  op: string;
  sub?: string;
  cursor?: Cursor | null;
  data?: unknown;
  problem?: Problem;
}

/** An open socket with its subscriptions. */
interface Connection {
  isOpen(): boolean;
  /** What the server says about a run, until `signal` aborts. */
  subscribe: Transport;
}

function connection(socket: WebSocketLike): Connection {
  const channels = new Map<string, Channel<Received>>();
  let isOpen = true;
  let heard = Date.now();
  let lingering: ReturnType<typeof setTimeout> | undefined;
  let last = 0;

  function send(message: object): void {
    if (isOpen) socket.send(JSON.stringify(message));
  }

  function lose(why = ""): void {
    isOpen = false;
    clearInterval(pings);
    clearTimeout(lingering);
    socket.onclose = null;
    socket.close();
    for (const channel of channels.values()) channel.end({ error: unreachable(why) });
    channels.clear();
  }

  const pings = setInterval(() => {
    if (Date.now() - heard > SILENCE_MS) lose("nothing was heard for too long");
    else send({ op: "ping" });
  }, PING_MS);
  socket.onclose = () => lose("the connection was closed");
  socket.onmessage = (message: { data: string }) => {
    heard = Date.now();
    const { op, sub = "", cursor = null, data, problem }: Told = JSON.parse(message.data);
    const channel = channels.get(sub);
    const item = received(op, cursor, data);
    if (item !== null) channel?.push(item);
    if (problem === undefined || channel === undefined) return;
    channels.delete(sub);
    channel.end({ error: MilepostError.of(problem) });
  };

  return {
    isOpen: () => isOpen,
    async *subscribe({ coalesceMs, ...request }, signal) {
      clearTimeout(lingering);
      last += 1;
      const sub = `s${last}`;
      const channel = new Channel<Received>();
      channels.set(sub, channel);
      send({ op: "subscribe", sub, ...request, coalesce_ms: coalesceMs });
      signal.addEventListener("abort", () => channel.end());
      try {
        yield* channel.read();
      } finally {
        if (channels.delete(sub)) send({ op: "unsubscribe", sub });
        if (channels.size === 0) lingering = setTimeout(lose, LINGER_MS);
      }
    },
  };
}

/** One socket for all subscriptions, opened when the first one needs it. */
export interface Socket {
  /** Whether it is open now, or can be. */
  connects(): Promise<boolean>;
  open: Transport;
}

export function socketTo(http: Http, WebSocket: WebSocketConstructor): Socket {
  let current: Promise<Connection> | undefined;

  /** Opens a socket. A browser does not say why it cannot: it may be the token. */
  async function open(): Promise<Connection> {
    const token = http.token();
    const url = http.url("v1/ws", { access_token: await token });
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url.href);
    return new Promise((resolve, reject) => {
      const fail = () => {
        http.refuse(token);
        reject(unreachable("no WebSocket"));
        socket.close();
      };
      const timer = setTimeout(fail, CONNECT_MS);
      socket.onerror = fail;
      socket.onclose = fail;
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(connection(socket));
      };
    });
  }

  /** The open socket, the same for everybody. */
  async function shared(): Promise<Connection> {
    const before = current;
    const known = await before?.catch(() => null);
    if (known?.isOpen()) return known;
    // Others may have come here meanwhile; one socket is enough.
    if (current === before) current = open();
    return current as Promise<Connection>;
  }

  return {
    connects() {
      return shared().then(
        () => true,
        () => false,
      );
    },
    async *open(request, signal) {
      const { subscribe } = await shared();
      if (!signal.aborted) yield* subscribe(request, signal);
    },
  };
}
