import { useEvents } from "@milepost/react";
import { Icon } from "../../components/icon";
import { plural } from "../../format/amount";
import type { Run } from "../../model/run";
import { type Finding, findingsOf } from "./findings";

/** What the audit of the finished campaign found. */
export function Audit({ root }: { root: Run }) {
  if (root.audit === "not_started") return null;
  const done = root.audit === "completed";
  if (done && root.verdict === "findings") return <Findings run={root.id} />;
  return (
    <p className="audit" data-done={done || undefined} role="status">
      <Icon name={done ? "check" : "search"} />
      {done ? (
        <span>
          Audited: <strong>{root.verdict ?? "no verdict"}</strong>
        </span>
      ) : (
        <span>The audit looks at what was made…</span>
      )}
    </p>
  );
}

const AUDITED = ["run.audited"];
/** The audit is the last thing that is said of a campaign, so it is this near to the end of the log. */
const LATEST = 50;

function Findings({ run }: { run: string }) {
  const { events } = useEvents(run, { types: AUDITED, limit: LATEST });
  const findings = findingsOf(events.at(-1)?.data);
  return (
    <div className="audit" role="status">
      <Icon name="warning" />
      <div>
        <p>
          Audited: <strong>{findings.length > 0 ? plural(findings.length, "finding") : "findings"}</strong>
        </p>
        <ul>
          {findings.map((finding) => (
            <li key={keyOf(finding)}>
              <span className="mono">{finding.artifact}</span> {finding.message}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function keyOf({ artifact, code, message }: Finding): string {
  return `${artifact} ${code} ${message}`;
}
