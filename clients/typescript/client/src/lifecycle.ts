/** What an event does to the run that it is about. */

import type { Run, RunState } from "./generated.js";
import { patched } from "./json_patch.js";
import { NO_PROGRESS } from "./progress.js";
import type { EventOf, MilepostEvent } from "./types.js";

/** A run of which nothing was said. The members of `run.created` are those of a run. */
const BLANK = {
  parent: null,
  name: null,
  state: "queued",
  stalled: false,
  attempt: 0,
  weight: 1,
  stage: null,
  message: null,
  progress: NO_PROGRESS,
  error: null,
  result: null,
  cancel: null,
  audit: "not_started",
  verdict: null,
  values: {},
  metadata: null,
  lease_expires_at: null,
  started_at: null,
  finished_at: null,
  expected_children: 0,
  lease_seconds: null,
  claimed: false,
} as const;

/** A run as its `run.created` makes it. */
export function created(event: EventOf<"run.created">, project: string): Run {
  const { run: id, stream, time, seq, data } = event;
  return { ...BLANK, ...data, id, stream, project, created_at: time, updated_at: time, created_seq: seq };
}

/** The run after an event; roll-ups come afterwards. */
export function changed(run: Run, event: MilepostEvent): Run {
  const { cleared, ...rest } = run;
  // It is about the latest report alone.
  const kept = event.type === "run.started" || event.type === "run.progressed" ? rest : run;
  return { ...kept, updated_at: event.time, ...change(run, event) };
}

function change(run: Run, event: MilepostEvent): Partial<Run> {
  const { time } = event;
  switch (event.type) {
    case "run.started":
      return started(run, event);
    case "run.progressed":
      return reported(run, event);
    case "run.waiting":
      return { state: "waiting", message: event.data.reason ?? run.message };
    case "run.resumed":
      return { state: "running" };
    case "run.stalled":
      return { stalled: true };
    case "run.recovered":
      return { stalled: false };
    case "run.cancel_requested": {
      const { by = null, reason = null, deadline = time } = event.data;
      return { cancel: { by, reason, requested_at: time, deadline, acknowledged: null } };
    }
    case "run.completed": {
      const over = finished(run, "completed", time);
      return {
        ...over,
        result: event.data.result ?? null,
        progress: { ...run.progress, fraction: 1, eta_ms: null },
      };
    }
    case "run.failed":
      return { ...finished(run, "failed", time), error: event.data.error ?? null };
    case "run.cancelled": {
      const cancel = run.cancel && { ...run.cancel, acknowledged: event.data.acknowledged ?? true };
      return { ...finished(run, "cancelled", time), cancel };
    }
    case "run.audit_started":
      return { audit: "in_progress" };
    case "run.audited":
      return { audit: "completed", verdict: event.data.verdict ?? null };
    case "state.updated":
      return { values: updated(run.values, event) };
    default:
      return {};
  }
}

function started(run: Run, { data, time }: EventOf<"run.started">): Partial<Run> {
  return {
    state: "running",
    stalled: false,
    attempt: data.attempt ?? run.attempt + 1,
    started_at: time,
    progress: NO_PROGRESS,
    stage: null,
    message: null,
    claimed: data.lease_seconds !== undefined,
    lease_seconds: data.lease_seconds ?? run.lease_seconds,
  };
}

/** What is absent stays as it was, null makes it null. */
function reported(run: Run, { data }: EventOf<"run.progressed">): Partial<Run> {
  const { stage = run.stage, message = run.message, fraction = 0, ...given } = data;
  const shown = run.progress.fraction;
  const progress = { ...run.progress, ...given };
  if (data.fraction !== undefined) progress.fraction = shown === null ? fraction : Math.max(shown, fraction);
  const cleared = Object.values(data).includes(null) ? { cleared: true } : {};
  return { stage, message, progress, ...cleared };
}

function finished(run: Run, state: RunState, time: string): Partial<Run> {
  const progress = { ...run.progress, eta_ms: null };
  return { state, stalled: false, progress, lease_expires_at: null, finished_at: time };
}

/** The values after an update: a key with its new value, or a patch of one value or of all of them. */
function updated(values: Run["values"], { data }: EventOf<"state.updated">): Run["values"] {
  const { key, patch } = data;
  if (patch === undefined) return key === undefined ? values : { ...values, [key]: data.value ?? null };
  try {
    if (key === undefined) return patched(values, patch) as Run["values"];
    return { ...values, [key]: patched(Object.hasOwn(values, key) ? values[key] : null, patch) };
  } catch {
    // The server refuses what does not apply, so this is never in a log.
    return values;
  }
}
