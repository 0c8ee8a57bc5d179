/** Many subscriptions over one WebSocket. */

import { Channel } from "./channel.js";
import { MilepostError, unreachable } from "./error.js";
import type { Problem } from "./generated.js";
import type { Http } from "./http.js";
import { SILENCE_MS } from "./stream.js";
import { type Received, type Request, received } from "./transport.js";
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
    socket.onmessage = ({ data }: { data: string }) => this.#hear(JSON.parse(data));
    socket.onclose = () => this.#lose("the server closed the connection");
    this.#pings = setInterval(() => this.#ping(), PING_MS);
  }

  /** What the server says about a run, until `signal` aborts. */
  async *subscribe({ coalesceMs, ...request }: Request, signal: AbortSignal): AsyncGenerator<Received> {
    clearTimeout(this.#lingering);
    this.#last += 1;
    const sub = `s${this.#last}`;
    const channel = new Channel<Received>();
    this.#channels.set(sub, channel);
    this.#send({ op: "subscribe", sub, ...request, coalesce_ms: coalesceMs });
    signal.addEventListener("abort", () => channel.end());
    try {
      yield* channel.read();
    } finally {
      if (this.#channels.delete(sub)) this.#send({ op: "unsubscribe", sub });
      if (this.#channels.size === 0)
        this.#lingering = setTimeout(() => this.#lose("nobody uses it"), LINGER_MS);
    }
  }

  #send(message: object): void {
    if (this.isOpen) this.#socket.send(JSON.stringify(message));
  }

  #ping(): void {
    if (Date.now() - this.#heard > SILENCE_MS) this.#lose("nothing was heard for too long");
    else this.#send({ op: "ping" });
  }

  #hear({ op, sub = "", cursor = null, data, problem }: Told): void {
    this.#heard = Date.now();
    const channel = this.#channels.get(sub);
    const item = received(op, cursor, data);
    if (item !== null) channel?.push(item);
    if (problem === undefined || channel === undefined) return;
    this.#channels.delete(sub);
    channel.end({ error: MilepostError.of(problem) });
  }

  #lose(why: string): void {
    this.isOpen = false;
    clearInterval(this.#pings);
    clearTimeout(this.#lingering);
    this.#socket.onclose = null;
    this.#socket.close();
    for (const channel of this.#channels.values()) channel.end({ error: unreachable(why) });
    this.#channels.clear();
  }
}

/** One socket for all subscriptions, opened when the first one needs it. */
export class SocketTransport {
  readonly #http: Http;
  readonly #webSocket: WebSocketConstructor;
  #connection: Promise<Connection> | null = null;

  constructor(http: Http, webSocket: WebSocketConstructor) {
    this.#http = http;
    this.#webSocket = webSocket;
  }

  async *open(request: Request, signal: AbortSignal): AsyncGenerator<Received> {
    const connection = await this.#connect();
    if (!signal.aborted) yield* connection.subscribe(request, signal);
  }

  /** Whether it can be opened, or is. */
  connects(): Promise<boolean> {
    return this.#connect().then(
      () => true,
      () => false,
    );
  }

  /**
   * The open socket, the same for everybody.
   *
   * @throws {MilepostError} `unreachable`: a browser does not say why a socket could not be opened.
   */
  async #connect(): Promise<Connection> {
    const current = this.#connection;
    const connection = await current?.catch(() => null);
    if (connection?.isOpen) return connection;
    // Others may have come here meanwhile; one socket is enough.
    if (this.#connection === current) this.#connection = this.#open();
    return this.#connection as Promise<Connection>;
  }

  async #open(): Promise<Connection> {
    const token = this.#http.token();
    const url = this.#http.url("v1/ws", { access_token: await token });
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new this.#webSocket(url.href);
    return new Promise((resolve, reject) => {
      const fail = () => {
        // It may have been the token.
        this.#http.refuse(token);
        reject(unreachable("the WebSocket could not be opened"));
        socket.close();
      };
      const timer = setTimeout(fail, CONNECT_MS);
      socket.onerror = fail;
      socket.onclose = fail;
      socket.onopen = () => {
        clearTimeout(timer);
        resolve(new Connection(socket));
      };
    });
  }
}
