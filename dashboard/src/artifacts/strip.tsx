import { useMemo } from "react";
import { isOver, type Snapshot } from "../model/run";
import { Card } from "./card";
import { keyOf } from "./kind";
import { useViewer } from "./viewer";

/** So many of the newest artifacts are shown beside the tree; the others are a tab away. */
const SHOWN = 12;

export function ArtifactStrip({ snapshot }: { snapshot: Snapshot }) {
  const newest = useMemo(() => snapshot.artifacts.slice(-SHOWN).reverse(), [snapshot.artifacts]);
  const over = isOver(snapshot.state);
  const { viewer, open } = useViewer(newest, over);
  if (newest.length === 0) return null;
  return (
    <section className="strip" aria-label="Newest artifacts">
      <h2>Artifacts</h2>
      <ul className="gallery gallery-small">
        {newest.map((artifact) => (
          <li key={keyOf(artifact)}>
            <Card artifact={artifact} over={over} onOpen={() => open(artifact)} />
          </li>
        ))}
      </ul>
      {viewer}
    </section>
  );
}
