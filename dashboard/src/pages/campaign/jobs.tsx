import type { CampaignJob } from "@milepost/client";
import { Bar } from "../../components/bar";
import { StateMark } from "../../components/state";
import { percent } from "../../format/amount";
import {
  fractionOf,
  headline,
  type Run,
  type RunState,
  type Snapshot,
  STATE_WORDS,
  shown,
} from "../../model/run";
import { jobsOf } from "./posts";

const WORDS: Record<string, string> = { text: "Writing", image: "Pictures", video: "Animation" };
const STATES: Record<CampaignJob["status"], RunState> = {
  queued: "queued",
  processing: "running",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
};

/** The jobs side by side: each goes its own way, and one that fails does not stop the others. */
export function Jobs({ snapshot, jobs }: { snapshot: Snapshot; jobs: CampaignJob[] | null }) {
  const runs = jobsOf(snapshot);
  if (runs.length === 0) return null;
  return (
    <ul className="jobs">
      {runs.map((run) => (
        <Job key={run.id} run={run} job={jobs?.find((job) => job.id === run.id || job.type === run.kind)} />
      ))}
    </ul>
  );
}

function Job({ run, job }: { run: Run; job: CampaignJob | undefined }) {
  // The two come by different ways. The one that is further is the later one.
  const merged =
    job && run.progress.fraction !== 1
      ? {
          ...run,
          progress: { ...run.progress, fraction: Math.max(job.progress, run.progress.fraction ?? 0) },
        }
      : run;
  const state = run.state === "queued" && job ? STATES[job.status] : shown(run);
  const line = headline(run) || job?.message || STATE_WORDS[state];
  return (
    <li className="job" data-state={state} data-job={run.kind}>
      <p className="job-head">
        <StateMark state={state} />
        <strong>{WORDS[run.kind] ?? run.kind}</strong>
        <span className="topbar-space" />
        <span>{percent(fractionOf(merged))}</span>
      </p>
      <Bar run={merged} />
      {/* Why it failed is read in full; what it does now changes too often for that. */}
      <p className={state === "failed" ? "job-line" : "job-line clip"} title={line}>
        {line}
      </p>
    </li>
  );
}
