import { useMemo } from "react";
import { Icon } from "../../components/icon";
import { type Run, type RunState, STATE_WORDS } from "../../model/run";

const STATES: RunState[] = ["running", "waiting", "queued", "completed", "failed", "cancelled"];
/** What the server brings along; others come up once there are runs of them. */
const KINDS = ["campaign", "ingest"];

interface Properties {
  kind: string;
  state: string;
  search: string;
  runs: readonly Run[];
  onChange: (name: "kind" | "state" | "q", value: string) => void;
}

export function Filters({ kind, state, search, runs, onChange }: Properties) {
  const kinds = useMemo(
    () => [...new Set([...KINDS, ...runs.map((run) => run.kind), kind])].filter(Boolean).sort(),
    [runs, kind],
  );
  return (
    <div className="filters">
      <label className="search">
        <span className="hidden">Search in these runs</span>
        <Icon name="search" />
        <input
          id="search"
          type="search"
          placeholder="Search"
          value={search}
          onChange={(event) => onChange("q", event.target.value)}
        />
        <kbd aria-hidden="true">/</kbd>
      </label>
      <fieldset className="segments">
        <legend className="hidden">State</legend>
        {["", ...STATES].map((value) => (
          <button
            key={value}
            type="button"
            aria-pressed={state === value}
            onClick={() => onChange("state", value)}
          >
            {value ? STATE_WORDS[value as RunState] : "All"}
          </button>
        ))}
      </fieldset>
      <label className="select">
        <span className="hidden">Kind</span>
        <select value={kind} onChange={(event) => onChange("kind", event.target.value)}>
          <option value="">All kinds</option>
          {kinds.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <Icon name="down" />
      </label>
    </div>
  );
}
