import { useMilepost } from "@milepost/react";
import { useEffect, useState } from "react";
import type { Artifact } from "../model/run";
import { useToken } from "../token";

/**
 * An address at which the browser finds an artifact's bytes. Where a token is needed, which addresses do not carry, the bytes are fetched
 * first and kept in memory; null meanwhile.
 */
export function useArtifactSource(artifact: Artifact): string | null {
  const client = useMilepost();
  const [token] = useToken();
  const [kept, keep] = useState<string | null>(null);
  const { run, artifact: id, sha256 } = artifact;
  // biome-ignore lint/correctness/useExhaustiveDependencies: other bytes have another hash
  useEffect(() => {
    if (!token) return;
    const abort = new AbortController();
    let url: string | null = null;
    const fetched = client.artifact(run, id, { signal: abort.signal }).then((response) => response.blob());
    fetched.then(
      (blob) => {
        if (abort.signal.aborted) return;
        url = URL.createObjectURL(blob);
        keep(url);
      },
      () => keep(null),
    );
    return () => {
      abort.abort();
      if (url) URL.revokeObjectURL(url);
    };
  }, [client, token, run, id, sha256]);
  return token ? kept : client.artifactUrl(run, id);
}
