/** How items of a run come from the server. */

import type { Http } from "./http.js";
import { parsed } from "./http.js";
import type { Frame } from "./sse.js";
import { stream } from "./stream.js";
import type { Cursor, FollowItem } from "./types.js";

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
export interface Transport {
  open(request: Request, signal: AbortSignal): AsyncIterable<Received>;
}

/** Server-Sent Events by fetch, so that refusals and the 204 of a finished stream are seen. */
export class SseTransport implements Transport {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  async *open(
    { project, run, after, from, coalesceMs, types }: Request,
    signal: AbortSignal,
  ): AsyncGenerator<Received> {
    const query = { after, from, coalesce_ms: coalesceMs, types: types?.join(",") };
    for await (const frame of stream(this.#http, runPath(project, run, "/events"), { query }, signal)) {
      const item = received(frame);
      if (item !== null) yield item;
    }
  }
}

/** The address of a run, or of something below it. */
export function runPath(project: string, run: string, below = ""): string {
  return `v1/projects/${encodeURIComponent(project)}/runs/${encodeURIComponent(run)}${below}`;
}

/** Null for what this version does not know, and for signs of life. */
function received({ event, data, id }: Frame): Received | null {
  if (event === "end" || event === "caught_up") return { type: event, cursor: id };
  if (data === null) return id === null ? null : { type: "moved", cursor: id };
  switch (event) {
    case "":
    case "message": {
      const told = parsed<(FollowItem & { type: "event" })["event"]>(data);
      return { type: "event", event: told, cursor: id ?? String(told.seq) };
    }
    case "snapshot": {
      const snapshot = parsed<(FollowItem & { type: "snapshot" })["snapshot"]>(data);
      return { type: event, snapshot, cursor: snapshot.cursor };
    }
    case "reset":
      return { type: event, reason: parsed<{ reason: string }>(data).reason };
    default:
      return null;
  }
}
