/** The arithmetic of progress: fractions that never fall, weighted roll-ups, time to go. In doubles, in the server's order. */

import type { Progress, Run } from "./generated.js";
import type { MilepostEvent } from "./types.js";

/** Progress before anything is known. */
export const NO_PROGRESS: Progress = { fraction: null, current: null, total: null, unit: null, eta_ms: null };

/** Whether a run, or a job, in this state is over. */
export function isOver(state: string): boolean {
  return /^(completed|failed|cancelled)$/.test(state);
}

/**
 * A run whose fraction and time to go are those after an event of it, or of one of its children. The time to go is looked at
 * again with all progress, also where it moves nothing, so that it is the same for a viewer who did not get what the last report superseded.
 */
export function rolledUp(run: Run, children: readonly { run: Run }[], { type, time }: MilepostEvent): Run {
  if (isOver(run.state) || run.cancel !== null) return run;
  const { progress } = run;
  const fraction = furthest(progress, mean(children, run.expected_children));
  const moved = fraction !== progress.fraction;
  if (!moved && type !== "run.progressed") return run;
  return { ...run, progress: { ...progress, fraction, eta_ms: timeToGo(run, fraction, time) } };
}

/**
 * The weighted mean over `children`, in the order of their creation; null where all weights are 0. One that is over counts 1
 * whatever its outcome; announced ones that do not exist yet count 0 with weight 1.
 */
function mean(children: readonly { run: Run }[], expected: number): number | null {
  let weight = 0;
  let done = 0;
  for (const { run } of children) {
    weight += run.weight;
    done += run.weight * (isOver(run.state) ? 1 : (run.progress.fraction ?? 0));
  }
  weight += Math.max(expected - children.length, 0);
  return weight > 0 ? Math.min(done / weight, 1) : null;
}

/** The furthest of what is shown, reported and rolled up. */
function furthest({ fraction, current, total }: Progress, rolledUp: number | null): number | null {
  const reported = current !== null && total ? Math.min(current / total, 1) : null;
  const known = [fraction, reported, rolledUp].filter((value) => value !== null);
  return known.length > 0 ? Math.max(...known) : null;
}

/** Milliseconds to go at the pace since the attempt began; null where nothing can be said. */
function timeToGo({ started_at }: Run, fraction: number | null, now: string): number | null {
  if (started_at === null || !fraction || fraction >= 1) return null;
  const elapsed = Date.parse(now) - Date.parse(started_at);
  return elapsed > 0 ? Math.round((elapsed * (1 - fraction)) / fraction) : null;
}
