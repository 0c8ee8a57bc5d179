import { Picture } from "../../artifacts/card";
import { keyOf, nameOf } from "../../artifacts/kind";
import { useViewer } from "../../artifacts/viewer";
import type { Artifact } from "../../model/run";

/** What moves. Its frame is there from the beginning. */
export function Animations({ artifacts, over }: { artifacts: readonly Artifact[]; over: boolean }) {
  const { viewer, open } = useViewer(artifacts, over);
  if (artifacts.length === 0) {
    if (over) return <p className="quiet">It was not made.</p>;
    return (
      <span className="animation">
        <span className="card-pending" />
      </span>
    );
  }
  return (
    <>
      {artifacts.map((artifact) => (
        <button
          key={keyOf(artifact)}
          type="button"
          className="animation"
          data-state={artifact.state}
          onClick={() => open(artifact)}
          aria-label={`Open ${nameOf(artifact)}`}
        >
          <Picture artifact={artifact} over={over} />
        </button>
      ))}
      {viewer}
    </>
  );
}
