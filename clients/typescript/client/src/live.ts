/** What every subscription is: a state with listeners, items to iterate over, and a connection that is made again and again. */

import { below } from "./abort.js";
import { backoff } from "./backoff.js";
import { Channel } from "./channel.js";
import { type MilepostError, unreachable } from "./error.js";
import { isHidden, pause, whenHidden } from "./page.js";
import type { ConnectionStatus, Live, SubscribeOptions } from "./types.js";

/** Items that an iterator may lag behind before what it missed is summed up. */
const HELD_ITEMS = 10_000;

/** The longest time that a timer can wait; then one looks again. */
const FOREVER_MS = 2 ** 31 - 1;

/** The part that differs: how to connect, and what to do with what comes. */
export interface Source<View, Received, Item> {
  /** Connects, from where the source stands. Ends when the server closes. */
  open(signal: AbortSignal): AsyncIterable<Received>;
  /** Takes what came. `fail` makes the connection anew. */
  take(received: Received, fail: (error: MilepostError) => void): Taken<Item>;
  /** How things stand. */
  view(status: ConnectionStatus, error: MilepostError | null): View;
  /** What stands for items that an iterator missed. */
  summary(): Item[];
}

/** What became of something that was received. */
export interface Taken<Item> {
  /** What comes out, in order. */
  items?: Item[];
  /** `live` when it was the last of what was there; `ended` when nothing follows. */
  status?: "live" | "ended";
  /** Whether it brought something new, so that the connection counts as a good one. */
  forward?: boolean;
}

/** Options of a subscription and of the client that it belongs to. */
export interface LiveOptions<Item> extends Pick<SubscribeOptions, "signal" | "onStatus"> {
  pauseWhenHidden: boolean;
  onItem?: ((item: Item) => void) | undefined;
}

/** Follows a source until it ends, refuses, or is closed. */
export class LiveSource<View, Received, Item> implements Live<View, Item> {
  readonly #source: Source<View, Received, Item>;
  readonly #options: LiveOptions<Item>;
  readonly #closed = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #channels = new Set<Channel<Item>>();
  #failures = 0;
  #status: ConnectionStatus = "connecting";
  #error: MilepostError | null = null;
  #view: View | null = null;

  constructor(source: Source<View, Received, Item>, options: LiveOptions<Item>) {
    this.#source = source;
    this.#options = options;
    options.signal?.addEventListener("abort", () => this.close(), { signal: this.#closed.signal });
    if (options.signal?.aborted) this.close();
    // Not before the caller has what it asked for.
    queueMicrotask(() => this.#run());
  }

  get state(): View {
    this.#view ??= this.#source.view(this.#status, this.#error);
    return this.#view;
  }

  subscribe(listener: () => void): () => void {
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  close(): void {
    this.#finish();
    this.#listeners.clear();
  }

  [Symbol.asyncIterator](): AsyncIterator<Item, undefined> {
    const channel = new Channel<Item>();
    if (this.#closed.signal.aborted) channel.end(this.#status === "failed" ? { error: this.#error } : {});
    this.#channels.add(channel);
    return this.#read(channel);
  }

  async *#read(channel: Channel<Item>): AsyncGenerator<Item, undefined> {
    try {
      yield* channel.read();
    } finally {
      this.#channels.delete(channel);
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted) {
      if (this.#options.pauseWhenHidden && isHidden()) {
        this.#change("paused");
        await pause(FOREVER_MS, signal);
        continue;
      }
      if (this.#status === "paused") this.#change("reconnecting");
      const error = await this.#connect();
      if (signal.aborted) return;
      if (error === null) continue;
      this.#change(error.isTransient ? "reconnecting" : "failed", error);
      if (!error.isTransient) return this.#finish({ error });
      await pause(backoff(this.#failures), signal);
      this.#failures += 1;
    }
  }

  /** One connection, from its beginning to its end. Null when it was given up on purpose. */
  async #connect(): Promise<MilepostError | null> {
    const attempt = below(this.#closed.signal);
    const { signal } = attempt;
    if (this.#options.pauseWhenHidden) whenHidden(() => attempt.abort(null), signal);
    try {
      for await (const received of this.#source.open(signal)) {
        if (signal.aborted) break;
        this.#take(received, (error) => attempt.abort(error));
      }
      return unreachable("the server closed the connection", signal);
    } catch (error) {
      return unreachable(error, signal);
    } finally {
      attempt.abort(null);
    }
  }

  #take(received: Received, fail: (error: MilepostError) => void): void {
    const { items = [], status, forward } = this.#source.take(received, fail);
    if (forward || status === "live") this.#failures = 0;
    this.#view = null;
    for (const item of items) {
      guarded(() => this.#options.onItem?.(item));
      for (const channel of this.#channels) this.#deliver(channel, item);
    }
    const next = status ?? (this.#status === "live" ? "live" : "replaying");
    if (next !== this.#status) this.#change(next);
    else if (items.length > 0 || forward) this.#notify();
    if (next === "ended") this.#finish();
  }

  #deliver(channel: Channel<Item>, item: Item): void {
    if (channel.length < HELD_ITEMS) {
      channel.push(item);
    } else {
      channel.clear();
      channel.push(...this.#source.summary());
    }
  }

  /** Nothing follows. */
  #finish(end: { error?: MilepostError } = {}): void {
    this.#closed.abort(null);
    for (const channel of this.#channels) channel.end(end);
  }

  #change(status: ConnectionStatus, error: MilepostError | null = null): void {
    if (this.#closed.signal.aborted) return;
    if (status === this.#status && error === this.#error) return;
    this.#status = status;
    this.#error = error;
    this.#view = null;
    guarded(() => this.#options.onStatus?.(status, error));
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) guarded(listener);
  }
}

/** Calls what is not ours: what it throws is its own affair, and goes where errors go that nobody catches. */
function guarded(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
