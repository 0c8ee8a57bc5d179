import type { ReactNode } from "react";
import { Json } from "../../artifacts/json";
import { useNow } from "../../components/clock";
import { Remaining } from "../../components/remaining";
import { StateWord } from "../../components/state";
import { Age, Elapsed } from "../../components/times";
import { amount, count, percent, rate } from "../../format/amount";
import { moment } from "../../format/time";
import { elapsed, fractionOf, isOver, type Run, title } from "../../model/run";

/** All that is known of one run. */
export function Inspector({ run }: { run: Run }) {
  return (
    <section className="inspector" aria-label="Selected run">
      <h2 className="clip" title={title(run)}>
        {title(run)}
      </h2>
      <p className="mono quiet clip" title={run.id}>
        {run.kind} · {run.id}
      </p>
      <dl className="pairs">
        <Pair name="State">
          <StateWord run={run} />
        </Pair>
        <Pair name="Progress">
          <Share run={run} />
        </Pair>
        <Pair name="To go">
          {run.progress.eta_ms != null && !isOver(run.state) && <Remaining run={run} />}
        </Pair>
        <Pair name="Stage">{run.stage}</Pair>
        <Pair name="Message">{run.message}</Pair>
        <Pair name="Created">
          <Age time={run.created_at} />
        </Pair>
        <Pair name="Started">{run.started_at && moment(run.started_at)}</Pair>
        <Pair name="Ended">{run.finished_at && moment(run.finished_at)}</Pair>
        <Pair name={isOver(run.state) ? "Took" : "Running for"}>
          {run.started_at && <Elapsed run={run} />}
        </Pair>
        <Pair name="Attempt">{run.attempt > 1 && count(run.attempt)}</Pair>
        <Pair name="Weight">{run.weight !== 1 && count(run.weight)}</Pair>
        <Pair name="Audit">
          {run.audit !== "not_started" && (run.verdict ?? run.audit.replace("_", " "))}
        </Pair>
      </dl>
      {run.error && (
        <div className="error-box">
          <p>
            <span className="mono">{run.error.code}</span>
          </p>
          <p>{run.error.message}</p>
          {run.error.details !== undefined && <Json value={run.error.details} />}
        </div>
      )}
      <Data name="Result" value={run.result} />
      <Data name="Values" value={run.values} />
      <Data name="Metadata" value={run.metadata} />
    </section>
  );
}

function Share({ run }: { run: Run }) {
  const now = useNow();
  const { current, total, unit } = run.progress;
  const parts = [
    percent(fractionOf(run)),
    amount(current, total, unit),
    isOver(run.state) ? null : rate(current, unit, elapsed(run, now) ?? 0),
  ];
  return <>{parts.filter(Boolean).join(" · ")}</>;
}

function Pair({ name, children }: { name: string; children: ReactNode }) {
  if (children == null || children === false || children === "") return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Data({ name, value }: { name: string; value: unknown }) {
  if (value == null || (typeof value === "object" && Object.keys(value).length === 0)) return null;
  return (
    <details className="data">
      <summary>{name}</summary>
      <Json value={value} />
    </details>
  );
}
