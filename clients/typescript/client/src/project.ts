/** A project that is followed: its open runs as they stand. */

import { MilepostError } from "./error.js";
import { Tree } from "./fold.js";
import type { Run, Snapshot } from "./generated.js";
import { type Http, parsed } from "./http.js";
import type { Source, Taken } from "./live.js";
import { isOver } from "./progress.js";
import { stream } from "./stream.js";
import { runPath } from "./transport.js";
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

/** A stream of the project. */
interface Known {
  tree: Tree;
  root: Run;
  /** Whether the tree has all runs below the root. The list has roots only. */
  complete: boolean;
}

/** What a subscription to a project knows. */
export class ProjectSource implements Source<ProjectView, FeedReceived, ProjectItem> {
  readonly #http: Http;
  readonly #project: string;
  readonly #known = new Map<string, Known>();
  readonly #ended: string[] = [];
  #runs: readonly Run[] | null = null;

  constructor(http: Http, project: string) {
    this.#http = http;
    this.#project = project;
  }

  async *open(signal: AbortSignal): AsyncGenerator<FeedReceived> {
    const path = `v1/projects/${encodeURIComponent(this.#project)}/events`;
    for await (const { event, data } of stream(this.#http, path, {}, signal)) {
      if (data === null) continue;
      if (event === "snapshot") yield { type: "list", list: parsed<List>(data) };
      else if (event === "reset") return;
      else if (event === "") yield* this.#told(parsed<MilepostEvent>(data), signal);
    }
  }

  take(received: FeedReceived): Taken<ProjectItem> {
    this.#runs = null;
    switch (received.type) {
      case "list":
        this.#begin(received.list);
        return { items: [{ type: "list", runs: this.#sorted() }], status: "live" };
      case "tree":
        this.#keep(Tree.from(received.snapshot), true);
        return { forward: true };
      case "event":
        this.#fold(received.event);
        return { items: [received], forward: true };
    }
  }

  view(status: ConnectionStatus, error: MilepostError | null): ProjectView {
    return { runs: this.#sorted(), status, error };
  }

  summary(): ProjectItem[] {
    return [{ type: "list", runs: this.#sorted() }];
  }

  /** An event, and before it the tree that it belongs to where that is not known well enough to go on. */
  async *#told(event: MilepostEvent, signal: AbortSignal): AsyncGenerator<FeedReceived> {
    if (this.#lacks(event)) {
      try {
        const snapshot = await this.#http.json<Snapshot>(runPath(this.#project, event.stream), { signal });
        yield { type: "tree", snapshot };
      } catch (error) {
        // It was deleted meanwhile.
        if (!(error instanceof MilepostError && error.status === 404)) throw error;
      }
    }
    yield { type: "event", event };
  }

  #lacks({ stream, seq, run }: MilepostEvent): boolean {
    const known = this.#known.get(stream);
    if (known === undefined) return seq > 1;
    if (seq <= known.tree.seq) return false;
    return seq > known.tree.seq + 1 || !(known.complete || run === stream);
  }

  #begin({ runs, heads }: List): void {
    const ended = this.#ended.flatMap((id) => this.#known.get(id) ?? []);
    this.#known.clear();
    for (const known of ended) this.#known.set(known.root.id, known);
    for (const run of runs) {
      const tree = Tree.root(run, heads[run.stream] ?? "0");
      this.#keep(tree, false);
    }
  }

  #fold(event: MilepostEvent): void {
    const { tree, complete } = this.#known.get(event.stream) ?? {
      tree: new Tree(this.#project),
      complete: true,
    };
    if (event.seq !== tree.seq + 1) return;
    tree.evolve(event, String(event.seq));
    this.#keep(tree, complete);
  }

  #keep(tree: Tree, complete: boolean): void {
    const root = tree.snapshot?.runs[0];
    if (root === undefined) return;
    this.#known.set(root.id, { tree, root, complete });
    if (!isOver(root) || this.#ended.includes(root.id)) return;
    this.#ended.push(root.id);
    if (this.#ended.length > ENDED_RUNS) this.#known.delete(this.#ended.shift() ?? "");
  }

  #sorted(): readonly Run[] {
    const newest = (one: Run, other: Run) => Date.parse(other.created_at) - Date.parse(one.created_at);
    this.#runs ??= [...this.#known.values()].map(({ root }) => root).sort(newest);
    return this.#runs;
  }
}
