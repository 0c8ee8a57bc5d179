/** A list of runs that stays current: what the server lists, and what the feed of the project says since. */

import type { ConnectionStatus, MilepostError, Run, RunState } from "@milepost/client";
import type { Registry, Shareable } from "./registry.js";

/** Which root runs to list, newest first. */
export interface RunsFilter {
  project?: string | undefined;
  kind?: string | undefined;
  state?: RunState | undefined;
  /** At most so many, up to 500; 50 where absent. */
  limit?: number | undefined;
}

/** A list of runs as it stands. */
export interface RunsView {
  readonly runs: readonly Run[];
  /** Whether the server has not listed them yet. */
  readonly isLoading: boolean;
  /** How the feed is connected. */
  readonly status: ConnectionStatus;
  readonly error: MilepostError | null;
}

/** Nothing, yet. */
export const NO_RUNS: RunsView = { runs: [], isLoading: true, status: "connecting", error: null };

/** The runs that `filter` asks for, live. The feed is shared by all lists of a project. */
export class LiveRuns implements Shareable<RunsView> {
  readonly #registry: Registry;
  readonly #filter: RunsFilter;
  readonly #closed = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #leave: () => void;
  readonly #feed;
  #listed: readonly Run[] = [];
  #isLoading = true;
  #refusal: MilepostError | null = null;
  #wasLive = false;
  #state: RunsView | null = null;

  constructor(registry: Registry, filter: RunsFilter) {
    this.#registry = registry;
    this.#filter = filter;
    const { project } = filter;
    const [feed, release] = registry.hold(JSON.stringify(["project", project]), () =>
      registry.client.followProject({ project }),
    );
    this.#feed = feed;
    const leave = feed.subscribe(() => this.#look());
    this.#leave = () => {
      leave();
      release();
    };
    this.#look();
  }

  get state(): RunsView {
    this.#state ??= this.#merged();
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed.abort();
    this.#leave();
  }

  #look(): void {
    const isLive = this.#feed.state.status === "live";
    // The feed knows what is open; what ended while it was away is in the list only.
    if (isLive && !this.#wasLive) this.#list();
    this.#wasLive = isLive;
    this.#change();
  }

  async #list(): Promise<void> {
    const { project, kind, state, limit = 50 } = this.#filter;
    const { signal } = this.#closed;
    try {
      const { runs } = await this.#registry.client.runs({ project, kind, state, limit, signal });
      this.#listed = runs;
      this.#refusal = null;
    } catch (error) {
      this.#refusal = error as MilepostError;
    }
    if (signal.aborted) return;
    this.#isLoading = false;
    this.#change();
  }

  #change(): void {
    this.#state = null;
    for (const listener of this.#listeners) listener();
  }

  #merged(): RunsView {
    const { kind, state, limit = 50 } = this.#filter;
    const feed = this.#feed.state;
    const known = new Map([...this.#listed, ...feed.runs].map((run) => [run.id, run]));
    const runs = [...known.values()]
      .filter((run) => (kind ?? run.kind) === run.kind && (state ?? run.state) === run.state)
      .sort((one, other) => Date.parse(other.created_at) - Date.parse(one.created_at))
      .slice(0, limit);
    return { runs, isLoading: this.#isLoading, status: feed.status, error: this.#refusal ?? feed.error };
  }
}
