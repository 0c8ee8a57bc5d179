import { Picture } from "../../artifacts/card";
import { keyOf, nameOf } from "../../artifacts/kind";
import { useViewer } from "../../artifacts/viewer";
import type { Artifact } from "../../model/run";

/** What moves. Its frame is there from the beginning. */
export function Animations({ artifacts, over }: { artifacts: readonly Artifact[]; over: boolean }) {
  const { viewer, open } = useViewer(artifacts);
  if (artifacts.length === 0) {
    return <span className="animation">{over ? "It was not made." : <span className="card-pending" />}</span>;
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
          <Picture artifact={artifact} />
        </button>
      ))}
      {viewer}
    </>
  );
}
