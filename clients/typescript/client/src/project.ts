/** A project that is followed: its open runs as they stand. */

import { MilepostError } from "./error.js";
import { Tree } from "./fold.js";
import type { Run, Snapshot } from "./generated.js";
import type { Http } from "./http.js";
import type { Source, Taken } from "./live.js";
import { isOver } from "./progress.js";
import { stream } from "./stream.js";
import { projectPath, runPath } from "./transport.js";
import type { ConnectionStatus, MilepostEvent, ProjectItem, ProjectView } from "./types.js";

/** Runs that are still shown after their end. */
const ENDED_RUNS = 100;

/** The first frame of the feed. */
interface List {
  runs: Run[];
  heads: Record<string, string>;
}

/** What the feed says, and the trees that had to be asked for. */
export type FeedReceived =
  | { readonly type: "list"; readonly list: List }
  | { readonly type: "tree"; readonly snapshot: Snapshot }
  | { readonly type: "event"; readonly event: MilepostEvent };

/** What a subscription to a project knows. */
export class ProjectSource implements Source<ProjectView, FeedReceived, ProjectItem> {
  readonly #http: Http;
  readonly #project: string;
  #trees = new Map<string, Tree>();
  /** Trees of which only the root is known, because the list has no more. */
  #roots = new Set<Tree>();
  #runs: readonly Run[] | null = null;

  constructor(http: Http, project: string) {
    this.#http = http;
    this.#project = project;
  }

  async *open(signal: AbortSignal): AsyncGenerator<FeedReceived> {
    for await (const { event, data } of stream(
      this.#http,
      projectPath(this.#project, "/events"),
      {},
      signal,
    )) {
      if (event === "snapshot") yield { type: "list", list: data as List };
      else if (event === "reset") return;
      else if (event === null && data !== null) yield* this.#told(data as MilepostEvent, signal);
    }
  }

  take(received: FeedReceived): Taken<ProjectItem> {
    this.#runs = null;
    switch (received.type) {
      case "list":
        this.#begin(received.list);
        return { items: this.summary(), status: "live" };
      case "tree":
        this.#trees.set(received.snapshot.stream, Tree.from(received.snapshot));
        return { forward: true };
      case "event":
        this.#fold(received.event);
        return { items: [received], forward: true };
    }
  }

  view(status: ConnectionStatus, error: MilepostError | null): ProjectView {
    const newest = (one: Run, other: Run) => Date.parse(other.created_at) - Date.parse(one.created_at);
    this.#runs ??= [...this.#trees.values()].flatMap(({ root }) => root ?? []).sort(newest);
    return { runs: this.#runs, status, error };
  }

  summary(): ProjectItem[] {
    return [{ type: "list", runs: this.view("live", null).runs }];
  }

  /** An event, and before it the tree that it belongs to where that is not known well enough to go on. */
  async *#told(event: MilepostEvent, signal: AbortSignal): AsyncGenerator<FeedReceived> {
    const { stream, seq, run } = event;
    const tree = this.#trees.get(stream);
    const last = tree?.seq ?? 0;
    if (seq > last + 1 || (seq > last && run !== stream && tree !== undefined && this.#roots.has(tree))) {
      try {
        const snapshot: Snapshot = await this.#http.json(runPath(this.#project, stream), { signal });
        yield { type: "tree", snapshot };
      } catch (error) {
        // It was deleted meanwhile.
        if (!(error instanceof MilepostError && error.status === 404)) throw error;
      }
    }
    yield { type: "event", event };
  }

  #begin({ runs, heads }: List): void {
    const ended = [...this.#trees].filter(([, { root }]) => root !== undefined && isOver(root));
    const listed = runs.map((run) => [run.id, Tree.root(run, heads[run.stream] ?? "0")] as const);
    this.#trees = new Map([...ended, ...listed]);
    this.#roots = new Set(listed.map(([, tree]) => tree));
  }

  #fold(event: MilepostEvent): void {
    const tree = this.#trees.get(event.stream) ?? new Tree(this.#project);
    if (event.seq !== tree.seq + 1) return;
    tree.evolve(event, `${event.seq}`);
    this.#trees.set(event.stream, tree);
    if (tree.root === undefined || !isOver(tree.root)) return;
    const ended = [...this.#trees.values()].filter(({ root }) => root !== undefined && isOver(root));
    if (ended.length > ENDED_RUNS) this.#trees.delete(ended[0]?.root?.id ?? "");
  }
}
