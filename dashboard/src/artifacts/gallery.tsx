import { Notice } from "../components/notice";
import { isOver, type Snapshot } from "../model/run";
import { Card } from "./card";
import { keyOf } from "./kind";
import { useViewer } from "./viewer";

/** All artifacts of a tree, in the order in which they appeared. */
export function Gallery({ snapshot }: { snapshot: Snapshot }) {
  const { viewer, open } = useViewer(snapshot.artifacts);
  if (snapshot.artifacts.length === 0) {
    return (
      <Notice icon="image" title={isOver(snapshot.state) ? "It left no artifacts" : "No artifacts yet"}>
        {!isOver(snapshot.state) && <p>Texts, pictures and files appear here as soon as they are ready.</p>}
      </Notice>
    );
  }
  return (
    <>
      <ul className="gallery">
        {snapshot.artifacts.map((artifact) => (
          <li key={keyOf(artifact)}>
            <Card artifact={artifact} onOpen={() => open(artifact)} />
          </li>
        ))}
      </ul>
      {viewer}
    </>
  );
}
