import { useState } from "react";
import { Icon } from "../components/icon";
import { bytes } from "../format/amount";
import type { Artifact } from "../model/run";
import { Json } from "./json";
import { elsewhere, isOurs, kindOf, nameOf } from "./kind";
import { Markdown } from "./markdown";
import { useArtifactSource } from "./source";
import { PREVIEW_BYTES, useArtifactText } from "./text";

/** An artifact at full size. Nothing that a producer made is ever run: text is text, pictures are pictures, the rest is a download. */
export function Preview({ artifact }: { artifact: Artifact }) {
  if (artifact.state === "failed") return <Failed artifact={artifact} />;
  const kind = kindOf(artifact);
  if (kind === "markdown" || kind === "json" || kind === "text") {
    if (isOurs(artifact) || artifact.text != null) return <TextPreview artifact={artifact} kind={kind} />;
  }
  if (artifact.state === "pending") return <p className="quiet preview-note">It is being made.</p>;
  if (isOurs(artifact) && (kind === "image" || kind === "video" || kind === "audio"))
    return <Media artifact={artifact} kind={kind} />;
  return <Elsewhere artifact={artifact} />;
}

function TextPreview({ artifact, kind }: { artifact: Artifact; kind: "markdown" | "json" | "text" }) {
  const fetched = useArtifactText(artifact);
  if (fetched.state === "loading") return <p className="quiet preview-note">Loading…</p>;
  if (fetched.state === "failed")
    return <p className="form-error preview-note">It could not be loaded: {fetched.why}</p>;
  const note = !fetched.whole && (
    <p className="quiet preview-note">The first {bytes(PREVIEW_BYTES)}. The download has the rest.</p>
  );
  if (kind === "markdown") {
    return (
      <>
        <Markdown text={fetched.text} />
        {note}
      </>
    );
  }
  const value = kind === "json" && fetched.whole ? parsed(fetched.text) : undefined;
  return (
    <>
      {value === undefined ? (
        <pre className="code" tabIndex={0} role="region" aria-label={nameOf(artifact)}>
          {fetched.text}
        </pre>
      ) : (
        <Json value={value} />
      )}
      {note}
    </>
  );
}

function Media({ artifact, kind }: { artifact: Artifact; kind: "image" | "video" | "audio" }) {
  const url = useArtifactSource(artifact);
  const [broken, setBroken] = useState(false);
  if (!url) return <p className="quiet preview-note">Loading…</p>;
  if (broken)
    return <p className="quiet preview-note">The browser cannot show this. The download may be fine.</p>;
  const fail = () => setBroken(true);
  if (kind === "image")
    return <img className="preview-image" src={url} alt={nameOf(artifact)} onError={fail} />;
  // biome-ignore lint/a11y/useMediaCaption: producers give none
  if (kind === "video") return <video className="preview-image" src={url} controls loop onError={fail} />;
  // biome-ignore lint/a11y/useMediaCaption: producers give none
  return <audio src={url} controls onError={fail} />;
}

function Failed({ artifact }: { artifact: Artifact }) {
  return (
    <div className="error-box">
      <p className="mono">{artifact.error?.code ?? "failed"}</p>
      <p>{artifact.error?.message ?? "It could not be made."}</p>
    </div>
  );
}

function Elsewhere({ artifact }: { artifact: Artifact }) {
  const url = elsewhere(artifact);
  if (!url)
    return <p className="quiet preview-note">There is no preview of {artifact.media_type ?? "this"}.</p>;
  return (
    <p className="preview-note">
      Its bytes are elsewhere:{" "}
      <a href={url} target="_blank" rel="noopener noreferrer nofollow">
        {url}
      </a>
    </p>
  );
}

export function DownloadLink({ artifact }: { artifact: Artifact }) {
  const source = useArtifactSource(artifact);
  if (!isOurs(artifact) || !source) return null;
  return (
    <a className="button" href={source} download={nameOf(artifact)}>
      <Icon name="download" />
      Download
    </a>
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
