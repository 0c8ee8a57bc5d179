/** How items of a run come from the server. */

import type { Snapshot } from "./generated.js";
import type { Http } from "./http.js";
import { stream } from "./stream.js";
import type { Cursor, FollowItem, MilepostEvent } from "./types.js";

/** Which run, and from where on. */
export interface Request {
  project: string;
  run: string;
  after?: Cursor | undefined;
  from?: "start" | undefined;
  coalesceMs?: number | undefined;
  types?: readonly string[] | undefined;
}

/** What a transport says: items, and that the cursor moved over events that are not for this viewer. */
export type Received = FollowItem | { readonly type: "moved"; readonly cursor: Cursor };

/** A way to the server. The items end when the server closes; what is thrown says why it broke. */
export type Transport = (request: Request, signal: AbortSignal) => AsyncGenerator<Received, void>;

/** Server-Sent Events by fetch, so that refusals and the 204 of a finished stream are seen. */
export function sseTransport(http: Http): Transport {
  return async function* ({ project, run, coalesceMs, types, ...start }, signal) {
    const query = { ...start, coalesce_ms: coalesceMs, types: types?.join() };
    for await (const { event, data, id } of stream(
      http,
      runPath(project, run, "/events"),
      { query },
      signal,
    )) {
      const item = received(event ?? (data === null ? "moved" : "event"), id, data);
      if (item !== null) yield item;
    }
  };
}

/** The address of a run, or of something below it. */
export function runPath(project: string, run: string, below = ""): string {
  return `${projectPath(project, "/runs/")}${encodeURIComponent(run)}${below}`;
}

/** The address of something in a project. */
export function projectPath(project: string, below: string): string {
  return `v1/projects/${encodeURIComponent(project)}${below}`;
}

/** The item that the server sends as `type`. Null for what this version does not know. */
export function received(type: string, cursor: Cursor | null, data: unknown): Received | null {
  switch (type) {
    case "event":
      return { type, event: data as MilepostEvent, cursor: cursor ?? "" };
    case "snapshot":
      return { type, snapshot: data as Snapshot, cursor: cursor ?? "" };
    case "reset":
      return { type, ...(data as { reason: string }) };
    case "caught_up":
    case "end":
      return { type, cursor };
    case "moved":
      return cursor === null ? null : { type, cursor };
    default:
      return null;
  }
}
