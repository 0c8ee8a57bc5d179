/** How components share a run. */

import type { RunView, Subscription } from "@milepost/client";
import type { Registry } from "./registry.js";

/** Nothing, yet. */
export const NO_RUN: RunView = { snapshot: null, seq: 0, cursor: null, status: "connecting", error: null };

/** The key under which a run is shared. */
export function runKey(run: string, project: string | undefined): string {
  return JSON.stringify(["run", project, run]);
}

/** Follows a run, for everybody who looks at it. */
export function openRun({ client }: Registry, run: string, project: string | undefined): Subscription {
  return client.follow(run, { project });
}
