import { Notice } from "../components/notice";
import { isOver, type Snapshot } from "../model/run";
import { Card } from "./card";
import { keyOf } from "./kind";
import { useViewer } from "./viewer";

/** All artifacts of a tree, in the order in which they appeared. */
export function Gallery({ snapshot }: { snapshot: Snapshot }) {
  const over = isOver(snapshot.state);
  const { viewer, open } = useViewer(snapshot.artifacts, over);
  if (snapshot.artifacts.length === 0) {
    return (
      <Notice icon="image" title={over ? "It left no artifacts" : "No artifacts yet"}>
        {!over && <p>Texts, pictures and files appear here as soon as they are ready.</p>}
      </Notice>
    );
  }
  return (
    <>
      <ul className="gallery">
        {snapshot.artifacts.map((artifact) => (
          <li key={keyOf(artifact)}>
            <Card artifact={artifact} over={over} onOpen={() => open(artifact)} />
          </li>
        ))}
      </ul>
      {viewer}
    </>
  );
}
