/** A run that is followed: its events in order, each once, and the tree that they fold to. */

import { type MilepostError, unreachable } from "./error.js";
import { Tree } from "./fold.js";
import type { Source, Taken } from "./live.js";
import { position as positionOf } from "./position.js";
import type { Received, Request, Transport } from "./transport.js";
import type { Cursor, FollowItem, RunView } from "./types.js";

/** Events that are held while one before them is missing. Beyond that it will not come any more. */
const HELD_EVENTS = 1_000;

/** How long the missing one may take. Events that overtake each other do so by little. */
const OVERTAKEN_MS = 250;

type Told = FollowItem & { type: "event" };

type Fail = (error: MilepostError) => void;

/** What a subscription to a run knows. */
export function runSource(transport: Transport, request: Request): Source<RunView, Received, FollowItem> {
  const { run, project, after, from, types } = request;
  const folds = types === undefined;
  const start = after ?? (from === "start" ? "0" : null);
  const position = positionOf(run, start, !folds);
  let tree = start === "0" ? new Tree(project) : null;
  let held: Told[] = [];
  let waiting: ReturnType<typeof setTimeout> | undefined;

  function forget(): void {
    clearTimeout(waiting);
    waiting = undefined;
    held = [];
  }

  /** Coming back from where everything was in order is all that helps. */
  function gap(fail: Fail): Taken<FollowItem> {
    forget();
    fail(unreachable(`events after ${position.cursor} are missing`));
    return {};
  }

  /** Looks at what has its turn; what was held may have it afterwards. */
  function next(told: Told, fail: Fail): Taken<FollowItem> {
    held.push(told);
    held.sort((one, other) => one.event.seq - other.event.seq);
    const items: Told[] = [];
    const steps = new Set();
    held = held.filter((told) => {
      const { event, cursor } = told;
      const step = position.step(event, cursor);
      steps.add(step);
      if (step === "next") {
        items.push(told);
        if (folds) tree?.evolve(event, cursor);
      }
      return step === "early";
    });
    if (steps.has("foreign") || held.length > HELD_EVENTS) return { ...gap(fail), items };
    if (held.length === 0) forget();
    else waiting ??= setTimeout(() => gap(fail), OVERTAKEN_MS);
    return { items, forward: items.length > 0 };
  }

  function skip(cursor: Cursor | null): Taken<FollowItem> {
    if (cursor === null || !position.skip(cursor)) return {};
    if (folds) tree?.move(cursor);
    return { forward: true };
  }

  return {
    open(signal) {
      forget();
      signal.addEventListener("abort", forget);
      const { cursor, seq } = position;
      return transport(
        cursor !== null && seq > 0 ? { ...request, after: cursor, from: undefined } : request,
        signal,
      );
    },

    take(received, fail) {
      const { type } = received;
      if (type === "event") return next(received, fail);
      if (type === "moved") return skip(received.cursor);
      if (type === "reset" || type === "snapshot") {
        forget();
        if (type === "reset") return { items: [received] };
        tree = Tree.from(received.snapshot);
        position.jump(received.cursor, received.snapshot.stream);
        return { items: [received], forward: true };
      }
      if (position.lacks(received.cursor)) return gap(fail);
      skip(received.cursor);
      return { items: [received], status: type === "end" ? "ended" : "live" };
    },

    view(status, error) {
      const { seq, cursor } = position;
      return { snapshot: tree?.snapshot ?? null, seq, cursor: seq > 0 ? cursor : null, status, error };
    },

    summary() {
      const snapshot = tree?.snapshot;
      const last = snapshot ? [{ type: "snapshot" as const, snapshot, cursor: snapshot.cursor }] : [];
      return [{ type: "reset", reason: "too_slow" }, ...last];
    },
  };
}
