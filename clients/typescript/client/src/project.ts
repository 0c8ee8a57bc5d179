/** A project that is followed: its open runs as they stand. */

import type { MilepostError } from "./error.js";
import { Tree } from "./fold.js";
import type { Run, Snapshot } from "./generated.js";
import type { Http } from "./http.js";
import type { Source } from "./live.js";
import { isOver } from "./progress.js";
import { stream as frames } from "./stream.js";
import { projectPath, runPath } from "./transport.js";
import type { MilepostEvent, ProjectItem, ProjectView } from "./types.js";

/** Runs that are still shown after their end. */
const ENDED_RUNS = 100;

/** The first frame of the feed. */
interface List {
  runs: Run[];
  heads: Record<string, string>;
}

/** What the feed says, and the trees that had to be asked for. */
type Received = List | Snapshot | MilepostEvent;

/** What a subscription to a project knows. */
export function projectSource(http: Http, project: string): Source<ProjectView, Received, ProjectItem> {
  let trees = new Map<string, Tree>();
  /** Trees of which only the root is known, because the list has no more. */
  let roots = new Set<Tree>();
  let runs: readonly Run[] | null = null;

  /** Whether what is known of an event's tree is not enough to go on. */
  function lacks({ stream, seq, run }: MilepostEvent): boolean {
    const tree = trees.get(stream);
    if (tree === undefined) return seq > 1;
    return seq > tree.seq + 1 || (seq > tree.seq && run !== stream && roots.has(tree));
  }

  function ended(): Tree[] {
    return [...trees.values()].filter(({ root }) => isOver(root?.state ?? ""));
  }

  function begin({ runs, heads }: List): void {
    const listed = runs.map((run) => Tree.root(run, heads[run.stream] ?? "0"));
    trees = new Map([...ended(), ...listed].map((tree) => [tree.root?.id ?? "", tree]));
    roots = new Set(listed);
  }

  function fold(event: MilepostEvent): void {
    const { stream, seq } = event;
    const tree = trees.get(stream) ?? new Tree(project);
    if (seq !== tree.seq + 1) return;
    tree.evolve(event, `${seq}`);
    trees.set(stream, tree);
    if (!isOver(tree.root?.state ?? "")) return;
    const over = ended();
    if (over.length > ENDED_RUNS) trees.delete(over[0]?.root?.id ?? "");
  }

  function shown(): readonly Run[] {
    // All times are written alike, so their order is that of their texts.
    const newest = (one: Run, other: Run) => other.created_at.localeCompare(one.created_at);
    runs ??= [...trees.values()].flatMap(({ root }) => root ?? []).sort(newest);
    return runs;
  }

  return {
    async *open(signal) {
      for await (const { event, data } of frames(http, projectPath(project, "/events"), {}, signal)) {
        if (event === "reset") return;
        const told = data as MilepostEvent | null;
        if (event === null && told !== null && lacks(told)) {
          try {
            yield await http.json<Snapshot>(runPath(project, told.stream), { signal });
          } catch (error) {
            // It was deleted meanwhile.
            if ((error as MilepostError | null)?.status !== 404) throw error;
          }
        }
        if (told !== null) yield told;
      }
    },

    take(received) {
      runs = null;
      if ("heads" in received) {
        begin(received);
        return { items: this.summary(), status: "live" };
      }
      if ("runs" in received) {
        trees.set(received.stream, Tree.from(received));
        return { forward: true };
      }
      fold(received);
      return { items: [{ type: "event", event: received }], forward: true };
    },

    view(status, error) {
      return { runs: shown(), status, error };
    },

    summary() {
      return [{ type: "list", runs: shown() }];
    },
  };
}
