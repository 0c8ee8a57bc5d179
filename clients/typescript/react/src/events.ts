/** The latest events of a run. */

import type { ConnectionStatus, MilepostError, MilepostEvent, RunView, Subscription } from "@milepost/client";
import type { Registry, Shareable } from "./registry.js";
import { openRun, runKey } from "./run.js";

/** Which events to show. */
export interface EventsOptions {
  project?: string | undefined;
  /** At most so many, the newest; 100 where absent. */
  limit?: number | undefined;
  /** Only these types: `run.*`, `artifact.ready`, `x.*`. */
  types?: readonly string[] | undefined;
}

/** The latest events as they stand, the oldest first. */
export interface EventsView {
  readonly events: readonly MilepostEvent[];
  readonly status: ConnectionStatus;
  readonly error: MilepostError | null;
}

/** Nothing, yet. */
export const NO_EVENTS: EventsView = { events: [], status: "connecting", error: null };

/** The latest events of a run, live: those just before where it stands, and what comes. */
export class LiveEvents implements Shareable<EventsView> {
  readonly #limit: number;
  readonly #listeners = new Set<() => void>();
  readonly #run: Shareable<RunView>;
  #release: () => void;
  #events: MilepostEvent[] = [];
  #log: Subscription | null = null;
  #state: EventsView | null = null;

  constructor(registry: Registry, run: string, { project, limit = 100, types }: EventsOptions) {
    this.#limit = limit;
    const [shared, release] = registry.hold(runKey(run, project), () => openRun(registry, run, project));
    this.#run = shared;
    // The log is read from so far before its head; where that is, the run says.
    const look = () => {
      const { cursor, seq } = shared.state;
      if (cursor !== null && this.#log === null) {
        const after = `${Math.max(seq - limit, 0)}`;
        const log = registry.client.follow(run, { project, types, after });
        this.#log = log;
        log.subscribe(() => this.#change());
        this.#collect(log);
        leave();
      }
      this.#change();
    };
    const leave = shared.subscribe(look);
    this.#release = () => {
      leave();
      release();
      this.#log?.close();
    };
    look();
  }

  get state(): EventsView {
    const { status, error } = (this.#log ?? this.#run).state;
    this.#state ??= { events: [...this.#events], status, error };
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#release();
  }

  async #collect(log: Subscription): Promise<void> {
    try {
      for await (const item of log) {
        if (item.type === "reset") this.#events = [];
        if (item.type !== "event") continue;
        this.#events.push(item.event);
        if (this.#events.length > this.#limit) this.#events.shift();
        this.#change();
      }
    } catch {
      // The state says what is wrong.
    }
  }

  #change(): void {
    this.#state = null;
    for (const listener of this.#listeners) listener();
  }
}
