import { useEffect, useRef, useState } from "react";
import { Icon } from "../components/icon";
import { useReducedMotion } from "../components/motion";
import { bytes } from "../format/amount";
import type { Artifact } from "../model/run";
import { isOurs, KIND_ICONS, kindOf, moves, nameOf } from "./kind";
import { useArtifactSource } from "./source";
import { useArtifactText } from "./text";

interface Properties {
  artifact: Artifact;
  /** Whether the run is: what is pending then will not come any more. */
  over: boolean;
  onOpen: () => void;
}

/** An artifact in small. Its frame is there before its picture, so nothing moves when that comes. */
export function Card({ artifact, over, onOpen }: Properties) {
  const name = nameOf(artifact);
  return (
    <button
      type="button"
      className="card"
      data-state={artifact.state}
      data-artifact={artifact.artifact}
      onClick={onOpen}
    >
      <span className="card-picture">
        <Picture artifact={artifact} over={over} />
      </span>
      <span className="card-name clip" title={name}>
        {name}
      </span>
      <span className="card-about clip">{about(artifact, over)}</span>
    </button>
  );
}

export function Picture({ artifact, over }: { artifact: Artifact; over: boolean }) {
  const kind = kindOf(artifact);
  const still = useReducedMotion();
  if (artifact.state === "pending" && artifact.text == null)
    return over ? <Icon name="warning" /> : <span className="card-pending" />;
  // Who asked for stillness opens it to see it move.
  if (kind === "image" && isOurs(artifact) && still && moves(artifact)) return <Icon name="film" />;
  if (kind === "image" && isOurs(artifact)) return <Thumbnail artifact={artifact} />;
  if (artifact.text) return <span className="card-text">{artifact.text.slice(0, 280)}</span>;
  if (isShortText(artifact)) return <Beginning artifact={artifact} />;
  return <Icon name={artifact.state === "failed" ? "warning" : KIND_ICONS[kind]} />;
}

function Thumbnail({ artifact }: { artifact: Artifact }) {
  const source = useArtifactSource(artifact);
  const [broken, setBroken] = useState(false);
  if (broken) return <Icon name="image" />;
  if (!source) return <span className="card-pending" />;
  return <img src={source} alt="" loading="lazy" decoding="async" onError={() => setBroken(true)} />;
}

/** Short enough to be fetched for a card that is seen. */
const SHORT_BYTES = 8_192;

function isShortText(artifact: Artifact): boolean {
  const kind = kindOf(artifact);
  return (
    isOurs(artifact) &&
    (kind === "markdown" || kind === "text" || kind === "json") &&
    (artifact.size ?? 0) <= SHORT_BYTES
  );
}

/** The first lines of a text, once the card is seen. */
function Beginning({ artifact }: { artifact: Artifact }) {
  const place = useRef<HTMLSpanElement>(null);
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) setSeen(true);
    });
    if (place.current) observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return (
    <span className="card-text" ref={place}>
      {seen && <FirstLines artifact={artifact} />}
    </span>
  );
}

function FirstLines({ artifact }: { artifact: Artifact }) {
  const fetched = useArtifactText(artifact);
  return fetched.state === "here" ? fetched.text.slice(0, 280) : null;
}

export function about(artifact: Artifact, over: boolean): string {
  if (artifact.state === "failed") return artifact.error?.message || "Failed";
  if (artifact.state === "pending") return over ? "Never finished" : "In the making";
  const type = artifact.artifact_type || (artifact.media_type ?? "").split(";")[0] || "file";
  return artifact.size == null ? type : `${type} · ${bytes(artifact.size)}`;
}
