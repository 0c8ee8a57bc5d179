import { useState } from "react";
import { ArtifactStrip } from "../../artifacts/strip";
import type { Snapshot } from "../../model/run";
import { Inspector } from "./inspector";
import { Tree } from "./tree";

/** The tree, and beside it what is known of the selected run and what came out so far. */
export function TreePanel({
  snapshot,
  selected,
  onSelect,
}: {
  snapshot: Snapshot;
  selected: string;
  onSelect: (run: string) => void;
}) {
  const [view, setView] = useState<"progress" | "timeline">("progress");
  const run = snapshot.runs.find((candidate) => candidate.id === selected) ?? snapshot.runs[0];
  return (
    <div className="split">
      <section className="split-main" aria-label="Runs of this tree">
        <fieldset className="segments segments-small">
          <legend className="hidden">What the bars show</legend>
          <button type="button" aria-pressed={view === "progress"} onClick={() => setView("progress")}>
            Progress
          </button>
          <button type="button" aria-pressed={view === "timeline"} onClick={() => setView("timeline")}>
            Timeline
          </button>
        </fieldset>
        <Tree runs={snapshot.runs} selected={run?.id ?? ""} onSelect={onSelect} view={view} />
      </section>
      <aside className="split-rail" aria-label="Details">
        {run && <Inspector run={run} />}
        <ArtifactStrip snapshot={snapshot} />
      </aside>
    </div>
  );
}
