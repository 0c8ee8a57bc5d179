/** How an artifact is shown, going by what its producer says that it is. */
import type { IconName } from "../components/icon";
import type { Artifact } from "../model/run";

export type Kind = "image" | "video" | "audio" | "markdown" | "json" | "text" | "other";

const BY_ENDING: Record<string, Kind> = {
  md: "markdown",
  markdown: "markdown",
  json: "json",
  ndjson: "text",
  txt: "text",
  csv: "text",
  log: "text",
  html: "text",
  xml: "text",
  yaml: "text",
  yml: "text",
  toml: "text",
  png: "image",
  jpg: "image",
  jpeg: "image",
  gif: "image",
  webp: "image",
  avif: "image",
  apng: "image",
  svg: "image",
  mp4: "video",
  webm: "video",
};

export const KIND_ICONS: Record<Kind, IconName> = {
  image: "image",
  video: "film",
  audio: "film",
  markdown: "text",
  json: "data",
  text: "text",
  other: "file",
};

export function kindOf(artifact: Artifact): Kind {
  const type = (artifact.media_type ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type.startsWith("image/")) return "image";
  if (type.startsWith("video/")) return "video";
  if (type.startsWith("audio/")) return "audio";
  if (type === "text/markdown") return "markdown";
  if (type === "application/json" || type.endsWith("+json")) return "json";
  // Markup of others is shown as its source. A page that one may look at is not worth a page that one may be attacked by.
  if (type.startsWith("text/") || type === "application/x-ndjson" || type === "application/xhtml+xml")
    return "text";
  if (type && type !== "application/octet-stream") return "other";
  const ending = nameOf(artifact).split(".").pop()?.toLowerCase() ?? "";
  if (BY_ENDING[ending]) return BY_ENDING[ending];
  return artifact.text != null ? "text" : "other";
}

export function nameOf(artifact: Artifact): string {
  return artifact.name || artifact.artifact;
}

/** Whether it moves by itself as soon as it is shown. */
export function moves(artifact: Artifact): boolean {
  return /^image\/(apng|gif)\b/i.test(artifact.media_type ?? "");
}

/** One for all trees: an artifact's id counts within its run. */
export function keyOf(artifact: Artifact): string {
  return `${artifact.run} ${artifact.artifact}`;
}

/** Whether the bytes are with this server, and not at an address that a producer named. */
export function isOurs(artifact: Artifact): boolean {
  return artifact.state === "ready" && (artifact.url ?? "").startsWith("/v1/");
}

/** An address of elsewhere that may be offered as a link; null for `javascript:` and the like. */
export function elsewhere(artifact: Artifact): string | null {
  if (!artifact.url || isOurs(artifact)) return null;
  const url = URL.parse(artifact.url);
  return url && (url.protocol === "https:" || url.protocol === "http:") ? url.href : null;
}
