import { type KeyboardEvent, useCallback, useState } from "react";
import { Dialog } from "../components/dialog";
import { Icon } from "../components/icon";
import type { Artifact } from "../model/run";
import { about } from "./card";
import { keyOf, nameOf } from "./kind";
import { DownloadLink, Preview } from "./preview";

/** Which artifact is open, and how to open one. */
export function useViewer(artifacts: readonly Artifact[], over: boolean) {
  const [open, setOpen] = useState<string | null>(null);
  const close = useCallback(() => setOpen(null), []);
  const at = open === null ? -1 : artifacts.findIndex((artifact) => keyOf(artifact) === open);
  const artifact = artifacts[at];
  const step = (by: number) => {
    const next = artifacts[at + by];
    if (next) setOpen(keyOf(next));
  };
  const viewer = artifact ? (
    <Viewer
      artifact={artifact}
      over={over}
      first={at === 0}
      last={at === artifacts.length - 1}
      onStep={step}
      onClose={close}
    />
  ) : null;
  return { viewer, open: (which: Artifact) => setOpen(keyOf(which)) };
}

interface Properties {
  artifact: Artifact;
  over: boolean;
  first: boolean;
  last: boolean;
  onStep: (by: number) => void;
  onClose: () => void;
}

function Viewer({ artifact, over, first, last, onStep, onClose }: Properties) {
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowRight") onStep(1);
    if (event.key === "ArrowLeft") onStep(-1);
  };
  return (
    <Dialog title={nameOf(artifact)} onClose={onClose} onKeyDown={press} wide>
      <div className="viewer">
        <div className="viewer-preview">
          <Preview key={keyOf(artifact)} artifact={artifact} />
        </div>
        <footer className="viewer-foot">
          <button
            type="button"
            className="icon-button"
            onClick={() => onStep(-1)}
            disabled={first}
            aria-label="Previous artifact"
          >
            <Icon name="left" />
          </button>
          <button
            type="button"
            className="icon-button"
            onClick={() => onStep(1)}
            disabled={last}
            aria-label="Next artifact"
          >
            <Icon name="right" />
          </button>
          <span className="quiet clip">
            {about(artifact, over)} · {artifact.run}
          </span>
          <span className="topbar-space" />
          <DownloadLink artifact={artifact} />
        </footer>
      </div>
    </Dialog>
  );
}
