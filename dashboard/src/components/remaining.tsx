import { useState } from "react";
import { remaining } from "../format/time";
import { isOver, type Run } from "../model/run";
import { useNow } from "./clock";

/** An estimate that is missed by so much says nothing any more. */
const PATIENCE_MS = 10_000;

/** How long it will take from now on. The server's estimate is as of the last report, so it is counted down from there. */
export function Remaining({ run, unknown }: { run: Run; unknown?: string }) {
  const now = useNow();
  const eta = run.progress.eta_ms ?? null;
  const [since, setSince] = useState({ eta, at: asOf(run, now) });
  if (since.eta !== eta) setSince({ eta, at: asOf(run, now) });
  if (isOver(run.state)) return null;
  if (eta === null || run.state !== "running" || run.stalled || run.cancel) return <>{unknown}</>;
  const left = eta - (now - since.at);
  return <>{left > -Math.max(PATIENCE_MS, eta) ? remaining(Math.max(0, left)) : "longer than expected"}</>;
}

/** A run that reports for itself says when it did; one that is rolled up from others moves with them, as of now. */
function asOf(run: Run, now: number): number {
  return run.progress.current == null ? now : Math.min(now, Date.parse(run.updated_at));
}
