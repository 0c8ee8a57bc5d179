/** A tree of runs as the list of rows that are shown of it. */
import type { Run } from "./run";

export interface Row {
  run: Run;
  depth: number;
  /** How many children it has, shown or not. */
  children: number;
  open: boolean;
  /** Its place among its siblings, from 1 on, and how many they are. */
  position: number;
  siblings: number;
}

/** Rows in the order of creation, without what lies below the `closed` ones. `runs` has parents before children. */
export function rowsOf(runs: readonly Run[], closed: ReadonlySet<string>): Row[] {
  const children = new Map<string, Run[]>();
  const [root] = runs;
  if (!root) return [];
  for (const run of runs) {
    if (run === root || !run.parent) continue;
    const siblings = children.get(run.parent);
    if (siblings) siblings.push(run);
    else children.set(run.parent, [run]);
  }
  const rows: Row[] = [];
  // Not recursive: a tree may be as deep as it has runs.
  const todo = [{ run: root, depth: 0, position: 1, siblings: 1 }];
  for (let next = todo.pop(); next; next = todo.pop()) {
    const below = children.get(next.run.id) ?? [];
    const open = !closed.has(next.run.id);
    rows.push({ ...next, children: below.length, open });
    if (!open) continue;
    const depth = next.depth + 1;
    for (let index = below.length - 1; index >= 0; index -= 1) {
      const run = below[index];
      if (run) todo.push({ run, depth, position: index + 1, siblings: below.length });
    }
  }
  return rows;
}

/** The span of time that a tree covers, in milliseconds since 1970, and never empty. */
export function spanOf(runs: readonly Run[], now: number): { from: number; to: number } {
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;
  for (const run of runs) {
    from = Math.min(from, Date.parse(run.started_at ?? run.created_at));
    to = Math.max(to, run.finished_at ? Date.parse(run.finished_at) : now);
  }
  return Number.isFinite(from) ? { from, to: Math.max(to, from + 1) } : { from: now - 1, to: now };
}
