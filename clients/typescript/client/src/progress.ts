/** The arithmetic of progress: fractions that never fall, weighted roll-ups, time to go. In doubles, in the server's order. */

import type { Progress, Run } from "./generated.js";

/** Progress before anything is known. */
export const NO_PROGRESS: Progress = { fraction: null, current: null, total: null, unit: null, eta_ms: null };

/** Whether a run, or a job, in this state is over. */
export function isOver(state: string): boolean {
  return /^(completed|failed|cancelled)$/.test(state);
}

/**
 * The weighted mean over `children`, in the order of their creation; null where all weights are 0. One that is over counts 1
 * whatever its outcome; announced ones that do not exist yet count 0 with weight 1.
 */
export function rollUp(children: readonly Run[], expected: number): number | null {
  let weight = 0;
  let done = 0;
  for (const child of children) {
    weight += child.weight;
    done += child.weight * (isOver(child.state) ? 1 : (child.progress.fraction ?? 0));
  }
  weight += Math.max(expected - children.length, 0);
  return weight > 0 ? clamped(done / weight) : null;
}

/** The furthest of what is shown, reported and rolled up. */
export function furthest({ progress }: Run, rolledUp: number | null): number | null {
  const { fraction, current, total } = progress;
  const reported = current !== null && total !== null && total > 0 ? clamped(current / total) : null;
  const known = [fraction, reported, rolledUp].filter((value) => value !== null);
  return known.length > 0 ? Math.max(...known) : null;
}

/** Milliseconds to go at the pace since the attempt began; null where nothing can be said. */
export function timeToGo({ started_at }: Run, fraction: number | null, now: string): number | null {
  if (started_at === null || fraction === null || fraction <= 0 || fraction >= 1) return null;
  const elapsed = Date.parse(now) - Date.parse(started_at);
  return elapsed > 0 ? Math.round((elapsed * (1 - fraction)) / fraction) : null;
}

function clamped(fraction: number): number {
  return Math.min(Math.max(fraction, 0), 1);
}
