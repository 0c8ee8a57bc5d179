import { Icon } from "../../components/icon";
import type { Run } from "../../model/run";

/** What the audit of the finished campaign found. */
export function Audit({ root }: { root: Run }) {
  if (root.audit === "not_started") return null;
  const done = root.audit === "completed";
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
