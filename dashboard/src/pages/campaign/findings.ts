/** What an audit found wrong with an artifact. */
export interface Finding {
  artifact: string;
  code: string;
  message: string;
}

/** The findings in the data of a `run.audited`. Anybody may publish one, so nothing of it is taken on trust. */
export function findingsOf(data: unknown): Finding[] {
  const found = member(member(data, "notes"), "findings");
  if (!Array.isArray(found)) return [];
  return found.slice(0, FINDINGS_MAX).map((finding: unknown) => ({
    artifact: textOf(member(finding, "artifact")),
    code: textOf(member(finding, "code")),
    message: textOf(member(finding, "message")) || textOf(member(finding, "code")),
  }));
}

/** Who has more to mend than that reads the log. */
const FINDINGS_MAX = 100;

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
