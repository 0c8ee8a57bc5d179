import { useMilepost } from "@milepost/react";
import { field, useStart } from "./start";
import { Submit } from "./submit";

export function IngestForm() {
  const client = useMilepost();
  const { pending, error, submit } = useStart(async (form) => {
    const branch = field(form, "branch");
    const job = await client.startIngest({
      repository: field(form, "repository"),
      ...(branch ? { branch } : {}),
    });
    return `/runs/${encodeURIComponent(job.job_id)}`;
  });
  return (
    <form className="form" onSubmit={submit}>
      <label className="field">
        <span>Repository</span>
        <input
          name="repository"
          placeholder="https://github.com/owner/name"
          required
          autoComplete="url"
          spellCheck={false}
        />
        <small>
          The address of a git repository, or the path of one on the machine of the server. What it may read
          is its operator's decision.
        </small>
      </label>
      <label className="field">
        <span>
          Branch <span className="quiet">optional</span>
        </span>
        <input name="branch" placeholder="the default branch" autoComplete="off" spellCheck={false} />
      </label>
      <Submit word="Start" pending={pending} error={error} />
    </form>
  );
}
