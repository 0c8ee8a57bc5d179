import type { ConnectionStatus } from "@milepost/client";
import { Link } from "wouter";
import { Bar } from "../../components/bar";
import { useNow } from "../../components/clock";
import { CopyLink } from "../../components/copy";
import { Remaining } from "../../components/remaining";
import { StateWord } from "../../components/state";
import { Elapsed } from "../../components/times";
import { amount, percent, rate } from "../../format/amount";
import { moment } from "../../format/time";
import { elapsed, fractionOf, headline, isOver, type Run, title } from "../../model/run";
import { useAddress } from "../../project";
import { CancelButton, CancelSteps } from "./cancel";

/** What it is, how far it is, and the way to stop it. Its height does not depend on what there is to say. */
export function RunHead({ root, status }: { root: Run; status: ConnectionStatus }) {
  const address = useAddress();
  return (
    <header className="run-head">
      <div className="run-head-title">
        <h1 className="clip" title={title(root)}>
          {title(root)}
        </h1>
        <span className="tag">{root.kind}</span>
        <div className="actions">
          {root.kind === "campaign" && (
            <Link className="button" href={address(`/campaigns/${encodeURIComponent(root.id)}`)}>
              See the campaign
            </Link>
          )}
          <CopyLink />
          {!isOver(root.state) && <CancelButton run={root} disabled={status === "failed"} />}
        </div>
      </div>
      <div className="run-head-progress">
        <span className="run-head-percent">{percent(fractionOf(root))}</span>
        <div className="run-head-bar">
          <Bar run={root} size="thick" />
          <p className="run-head-line clip" data-state={root.state} title={headline(root)}>
            {headline(root) || "\u00a0"}
          </p>
        </div>
      </div>
      <Facts root={root} />
      {root.cancel && <CancelSteps run={root} cancel={root.cancel} />}
    </header>
  );
}

function Facts({ root }: { root: Run }) {
  const now = useNow();
  const { current, total, unit } = root.progress;
  const done = amount(current, total, unit);
  const pace = rate(current, unit, elapsed(root, now) ?? 0);
  return (
    <dl className="facts">
      <div>
        <dt>State</dt>
        <dd>
          <StateWord run={root} />
        </dd>
      </div>
      <div>
        <dt>{isOver(root.state) ? "Took" : "Running for"}</dt>
        <dd>
          <Elapsed run={root} />
        </dd>
      </div>
      <div>
        <dt>{isOver(root.state) ? "Ended" : "To go"}</dt>
        <dd>
          {root.finished_at ? moment(root.finished_at) : <Remaining run={root} unknown="not known yet" />}
        </dd>
      </div>
      {done && (
        <div>
          <dt>Done</dt>
          <dd>
            {done}
            {pace && <span className="quiet"> · {pace}</span>}
          </dd>
        </div>
      )}
      {root.audit !== "not_started" && (
        <div>
          <dt>Audit</dt>
          <dd>{root.audit === "in_progress" ? "in progress" : (root.verdict ?? "completed")}</dd>
        </div>
      )}
    </dl>
  );
}
