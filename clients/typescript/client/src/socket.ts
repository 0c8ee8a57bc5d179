/** Many subscriptions over one WebSocket. */

import { Channel } from "./channel.js";
import { MilepostError } from "./error.js";
import type { Problem, Snapshot } from "./generated.js";
import { type Http, parsed } from "./http.js";
import { SILENCE_MS } from "./stream.js";
import type { Received, Request, Transport } from "./transport.js";
import type { Cursor, MilepostEvent } from "./types.js";

/** How often the server is asked whether it is there; its own pings cannot be seen from here. */
const PING_MS = 15_000;

/** How long a socket stays open that nobody uses: whoever leaves often comes back at once. */
const LINGER_MS = 1_000;

/** How long connecting may take. */
const CONNECT_MS = 10_000;

/** The part of `WebSocket` that is needed; the browser's own and the one of the `ws` package have it. */
export type WebSocketConstructor = new (url: string) => WebSocketLike;

export interface WebSocketLike {
  send(data: string): void;
  close(): void;
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
}

interface Told {
  op: string;
  sub?: string;
  cursor?: Cursor;
  data?: unknown;
  problem?: Problem;
}

/** An open socket with its subscriptions. */
class Connection {
  readonly #socket: WebSocketLike;
  readonly #channels = new Map<string, Channel<Received>>();
  readonly #pings: ReturnType<typeof setInterval>;
  #heard = Date.now();
  #lingering: ReturnType<typeof setTimeout> | undefined;
  #last = 0;
  isOpen = true;

  constructor(socket: WebSocketLike) {
    this.#socket = socket;
    socket.onmessage = (event: { data: unknown }) => this.#hear(String(event.data));
    socket.onclose = () => this.#lose("the server closed the connection");
    this.#pings = setInterval(() => this.#ping(), PING_MS);
  }

  subscribe({ coalesceMs, ...request }: Request): Channel<Received> {
    clearTimeout(this.#lingering);
    this.#last += 1;
    const sub = `s${this.#last}`;
    const channel = new Channel<Received>(() => this.#leave(sub));
    this.#channels.set(sub, channel);
    this.#send({ op: "subscribe", sub, ...request, coalesce_ms: coalesceMs });
    return channel;
  }

  #leave(sub: string): void {
    if (this.#channels.delete(sub)) this.#send({ op: "unsubscribe", sub });
    if (this.#channels.size === 0)
      this.#lingering = setTimeout(() => this.#lose("nobody uses it"), LINGER_MS);
  }

  #send(message: object): void {
    if (this.isOpen) this.#socket.send(JSON.stringify(message));
  }

  #ping(): void {
    if (Date.now() - this.#heard > SILENCE_MS) this.#lose("nothing was heard for too long");
    else this.#send({ op: "ping" });
  }

  #hear(text: string): void {
    this.#heard = Date.now();
    const told = parsed<Told>(text);
    const channel = this.#channels.get(told.sub ?? "");
    if (channel === undefined) return;
    if (told.op === "error" && told.problem !== undefined) {
      this.#channels.delete(told.sub ?? "");
      channel.fail(MilepostError.of(told.problem));
      return;
    }
    const item = received(told);
    if (item !== null) channel.push(item);
  }

  #lose(why: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    clearInterval(this.#pings);
    clearTimeout(this.#lingering);
    this.#socket.onmessage = null;
    this.#socket.close();
    for (const channel of this.#channels.values()) channel.fail(MilepostError.unreachable(why));
    this.#channels.clear();
  }
}

function received({ op, cursor, data }: Told): Received | null {
  switch (op) {
    case "event": {
      const event = data as MilepostEvent;
      return { type: op, event, cursor: cursor ?? String(event.seq) };
    }
    case "snapshot": {
      const snapshot = data as Snapshot;
      return { type: op, snapshot, cursor: snapshot.cursor };
    }
    case "reset":
      return { type: op, reason: (data as { reason: string }).reason };
    case "caught_up":
    case "end":
      return { type: op, cursor: cursor ?? null };
    default:
      return null;
  }
}

/** One socket for all subscriptions, opened when the first one needs it. */
export class SocketTransport implements Transport {
  readonly #http: Http;
  readonly #webSocket: WebSocketConstructor;
  #connection: Promise<Connection> | null = null;

  constructor(http: Http, webSocket: WebSocketConstructor) {
    this.#http = http;
    this.#webSocket = webSocket;
  }

  async *open(request: Request, signal: AbortSignal): AsyncGenerator<Received> {
    const connection = await this.connect();
    if (signal.aborted) return;
    const channel = connection.subscribe(request);
    const leave = () => void channel.return();
    signal.addEventListener("abort", leave, { once: true });
    try {
      yield* channel;
    } finally {
      signal.removeEventListener("abort", leave);
      leave();
    }
  }

  /**
   * The open socket; the same one for everybody.
   *
   * @throws {MilepostError} `unreachable`: a browser does not say why a socket could not be opened.
   */
  async connect(): Promise<Connection> {
    const current = this.#connection;
    const usable = await current?.then(({ isOpen }) => isOpen).catch(() => false);
    if (current !== null && usable) return current;
    if (this.#connection === current) this.#connection = this.#open();
    return this.#connection ?? this.connect();
  }

  async #open(): Promise<Connection> {
    const url = this.#http.url("v1/ws", { access_token: (await this.#http.token()) ?? undefined });
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new this.#webSocket(url.href);
    return new Promise((resolve, reject) => {
      const fail = () => {
        clearTimeout(timer);
        socket.onclose = null;
        reject(MilepostError.unreachable("the WebSocket could not be opened"));
      };
      const timer = setTimeout(() => {
        fail();
        socket.close();
      }, CONNECT_MS);
      socket.onerror = fail;
      socket.onclose = fail;
      socket.onopen = () => {
        clearTimeout(timer);
        socket.onerror = () => undefined;
        resolve(new Connection(socket));
      };
    });
  }
}
