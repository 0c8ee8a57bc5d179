/** What the pages say of a run, worked out in one place. */
import type { Run, RunState } from "@milepost/client";

export type { Artifact, Message, Run, RunState, Snapshot } from "@milepost/client";

/** A state as it is shown: the server's, and those that a person wants told apart. */
export type Shown = RunState | "stalled" | "cancelling";

export const STATE_WORDS: Record<Shown, string> = {
  queued: "Queued",
  running: "Running",
  waiting: "Waiting",
  stalled: "Stalled",
  cancelling: "Cancelling",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

export function isOver(state: RunState): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}

export function shown(run: Run): Shown {
  if (isOver(run.state)) return run.state;
  if (run.cancel) return "cancelling";
  return run.stalled ? "stalled" : run.state;
}

export function title(run: Run): string {
  return run.name || run.id;
}

/**
 * How far it came. Whatever is over counts as done for the run above it, so a run that was stopped with all its parts would look
 * complete: how far that one came is not known.
 */
export function fractionOf(run: Run): number | null {
  const { fraction } = run.progress;
  const stopped = run.state === "failed" || run.state === "cancelled";
  return stopped && fraction === 1 ? null : fraction;
}

/** What it does now, or how it ended, in one line. */
export function headline(run: Run): string {
  if (run.state === "failed" && run.error) return run.error.message || run.error.code;
  if (run.stalled && !isOver(run.state)) return "Its worker has not reported for too long";
  if (run.state === "cancelled" && run.cancel?.reason) return run.cancel.reason;
  if (run.stage && run.message && run.stage !== run.message) return `${run.stage} · ${run.message}`;
  return run.message || run.stage || (run.state === "queued" ? "In the queue" : "");
}

/** How long it has taken so far or took, in milliseconds; null before it started. */
export function elapsed(run: Run, now: number): number | null {
  if (!run.started_at) return null;
  const end = run.finished_at ? Date.parse(run.finished_at) : now;
  return Math.max(0, end - Date.parse(run.started_at));
}
