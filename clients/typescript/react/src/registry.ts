/** Subscriptions that components share: one for each thing that is looked at, as long as somebody looks. */

import type { ConnectionStatus, MilepostClient } from "@milepost/client";

/** How long a subscription outlives the last component that used it: what is unmounted often comes back at once. */
const LINGER_MS = 1_000;

/** What a subscription has to be for components to share it. */
export interface Shareable<View> {
  readonly state: View;
  subscribe(listener: () => void): () => void;
  close(): void;
}

/** What every view says. */
export interface Connected {
  readonly status: ConnectionStatus;
}

/** How all subscriptions together are connected; `idle` when there is none. */
export type OverallStatus = ConnectionStatus | "idle";

/** What is worth telling comes first. One that failed is its component's affair, unless there is no other. */
const TELLING = ["reconnecting", "connecting", "replaying", "paused", "live", "ended", "failed"] as const;

interface Entry {
  live: Shareable<Connected>;
  /** What components see: it changes at most once in `throttleMs`. */
  view: Connected;
  listeners: Set<() => void>;
  holders: number;
  timer?: ReturnType<typeof setTimeout> | undefined;
  lingering?: ReturnType<typeof setTimeout> | undefined;
  shownAt: number;
}

export class Registry {
  readonly client: MilepostClient;
  readonly #throttleMs: number;
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<() => void>();

  constructor(client: MilepostClient, throttleMs: number) {
    this.client = client;
    this.#throttleMs = throttleMs;
  }

  /** What components see of `key`; undefined while nobody has subscribed to it. */
  view(key: string): Connected | undefined {
    return this.#entries.get(key)?.view;
  }

  /** Calls `listener` when the view of `key` changes; `open` begins the subscription if this is the first one. */
  subscribe(key: string, open: () => Shareable<Connected>, listener: () => void): () => void {
    const [entry, release] = this.#hold(key, open);
    // The same function may be given twice.
    const own = () => listener();
    entry.listeners.add(own);
    return () => {
      entry.listeners.delete(own);
      release();
    };
  }

  /** The subscription `key` itself, not throttled, until it is released. */
  hold<View extends Connected>(key: string, open: () => Shareable<View>): [Shareable<View>, () => void] {
    const [entry, release] = this.#hold(key, open);
    return [entry.live as Shareable<View>, release];
  }

  #hold(key: string, open: () => Shareable<Connected>): [Entry, () => void] {
    const entry = this.#entries.get(key) ?? this.#open(key, open());
    clearTimeout(entry.lingering);
    entry.holders += 1;
    return [
      entry,
      () => {
        entry.holders -= 1;
        if (entry.holders === 0) entry.lingering = setTimeout(() => this.#close(key, entry), LINGER_MS);
      },
    ];
  }

  /** How all of them together are connected. */
  get status(): OverallStatus {
    const all = new Set([...this.#entries.values()].map(({ view }) => view.status));
    return TELLING.find((status) => all.has(status)) ?? "idle";
  }

  /** Calls `listener` when the overall status may have changed. */
  watch(listener: () => void): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  #open(key: string, live: Shareable<Connected>): Entry {
    const entry: Entry = { live, view: live.state, listeners: new Set(), holders: 0, shownAt: 0 };
    this.#entries.set(key, entry);
    live.subscribe(() => {
      const wait = entry.shownAt + this.#throttleMs - Date.now();
      if (wait <= 0) this.#show(entry);
      else entry.timer ??= setTimeout(() => this.#show(entry), wait);
    });
    this.#tell(this.#watchers);
    return entry;
  }

  #show(entry: Entry): void {
    clearTimeout(entry.timer);
    entry.timer = undefined;
    entry.shownAt = Date.now();
    const before = entry.view;
    entry.view = entry.live.state;
    this.#tell(entry.listeners);
    if (entry.view.status !== before.status) this.#tell(this.#watchers);
  }

  #close(key: string, entry: Entry): void {
    clearTimeout(entry.timer);
    entry.live.close();
    this.#entries.delete(key);
    this.#tell(this.#watchers);
  }

  #tell(listeners: Set<() => void>): void {
    for (const listener of listeners) listener();
  }
}
