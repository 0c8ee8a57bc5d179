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
export function live<View, Received, Item>(
  source: Source<View, Received, Item>,
  { signal: given, onStatus, onItem, pauseWhenHidden }: LiveOptions<Item>,
): Live<View, Item> {
  const closed = new AbortController();
  const { signal } = closed;
  const listeners = new Set<() => void>();
  const channels = new Set<Channel<Item>>();
  let failures = 0;
  let status: ConnectionStatus = "connecting";
  let error: MilepostError | null = null;
  let view: View | null = null;

  async function run(): Promise<void> {
    while (!signal.aborted) {
      if (pauseWhenHidden && isHidden()) {
        change("paused");
        await pause(FOREVER_MS, signal);
        continue;
      }
      if (status === "paused") change("reconnecting");
      const lost = await connect();
      if (signal.aborted) return;
      if (lost === null) continue;
      change(lost.isTransient ? "reconnecting" : "failed", lost);
      if (!lost.isTransient) return finish({ error: lost });
      await pause(backoff(failures), signal);
      failures += 1;
    }
  }

  /** One connection, from its beginning to its end. Null when it was given up on purpose. */
  async function connect(): Promise<MilepostError | null> {
    const attempt = below(signal);
    if (pauseWhenHidden) whenHidden(() => attempt.abort(null), attempt.signal);
    try {
      for await (const received of source.open(attempt.signal)) {
        if (attempt.signal.aborted) break;
        take(source.take(received, (error) => attempt.abort(error)));
      }
      return unreachable("the connection was closed", attempt.signal);
    } catch (error) {
      return unreachable(error, attempt.signal);
    } finally {
      attempt.abort(null);
    }
  }

  function take({ items = [], status: told, forward }: Taken<Item>): void {
    if (forward || told === "live") failures = 0;
    view = null;
    for (const item of items) {
      guarded(() => onItem?.(item));
      for (const channel of channels) {
        if (channel.length >= HELD_ITEMS) channel.replace(source.summary());
        else channel.push(item);
      }
    }
    const next = told ?? (status === "live" ? "live" : "replaying");
    if (next !== status) change(next);
    else if (items.length > 0 || forward) notify();
    if (next === "ended") finish();
  }

  function change(next: ConnectionStatus, why: MilepostError | null = null): void {
    if (signal.aborted || (next === status && why === error)) return;
    status = next;
    error = why;
    view = null;
    guarded(() => onStatus?.(status, error));
    notify();
  }

  function notify(): void {
    for (const listener of listeners) guarded(listener);
  }

  /** Nothing follows. */
  function finish(end: { error?: MilepostError | null } = {}): void {
    closed.abort(null);
    for (const channel of channels) channel.end(end);
  }

  async function* read(channel: Channel<Item>): AsyncGenerator<Item, undefined> {
    try {
      yield* channel.read();
    } finally {
      channels.delete(channel);
    }
  }

  function close(): void {
    finish();
    listeners.clear();
  }

  given?.addEventListener("abort", close, { signal });
  if (given?.aborted) close();
  // Not before the caller has what it asked for.
  queueMicrotask(run);

  return {
    get state() {
      view ??= source.view(status, error);
      return view;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close,
    [Symbol.asyncIterator]() {
      const channel = new Channel<Item>();
      if (signal.aborted) channel.end(status === "failed" ? { error } : {});
      channels.add(channel);
      return read(channel);
    },
  };
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
