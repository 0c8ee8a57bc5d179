import { useMilepost } from "@milepost/react";
import { useEffect, useState } from "react";
import type { Artifact } from "../model/run";
import { isOurs, keyOf } from "./kind";

/** So much of a text is fetched for a preview, in bytes; the rest is a download. */
export const PREVIEW_BYTES = 256 * 1024;

export type Fetched =
  | { state: "loading" }
  | { state: "failed"; why: string }
  | { state: "here"; text: string; whole: boolean };

/** The beginning of an artifact as text: what was appended so far, or the bytes once they are ready. */
export function useArtifactText(artifact: Artifact): Fetched {
  const client = useMilepost();
  const [fetched, setFetched] = useState<Fetched>({ state: "loading" });
  const ready = isOurs(artifact);
  const { run, artifact: id, text: appended } = artifact;
  // The bytes of an artifact never change, so its hash says when to fetch.
  const version = `${keyOf(artifact)} ${artifact.sha256}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for the artifact
  useEffect(() => {
    if (!ready) return;
    const abort = new AbortController();
    const begin = client.artifact(run, id, { signal: abort.signal }).then(beginning);
    begin.then(setFetched, (error: unknown) => {
      if (!abort.signal.aborted)
        setFetched({ state: "failed", why: error instanceof Error ? error.message : String(error) });
    });
    return () => abort.abort();
  }, [client, ready, version]);
  if (fetched.state !== "here" && appended != null)
    return { state: "here", text: appended, whole: !artifact.text_omitted_bytes };
  return fetched;
}

/** Reads no more than is shown, however long the artifact is. */
async function beginning(response: Response): Promise<Fetched> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let taken = 0;
  while (reader && taken < PREVIEW_BYTES) {
    const { value, done } = await reader.read();
    if (done) return { state: "here", text: text + decoder.decode(), whole: true };
    taken += value.byteLength;
    text += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  return { state: "here", text, whole: false };
}
