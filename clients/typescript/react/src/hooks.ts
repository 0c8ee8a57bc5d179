/** The hooks. Ids may be null or undefined as long as they are not known: then nothing is followed. */

import type {
  Artifact,
  CampaignProgress,
  CampaignView,
  Cancel,
  MilepostClient,
  MilepostError,
  Run,
  RunView,
} from "@milepost/client";
import { useCallback, useMemo, useState, useSyncExternalStore } from "react";
import { type EventsOptions, type EventsView, LiveEvents, NO_EVENTS } from "./events.js";
import { useRegistered } from "./provider.js";
import type { OverallStatus } from "./registry.js";
import { NO_RUN, openRun, runKey } from "./run.js";
import { LiveRuns, NO_RUNS, type RunsFilter, type RunsView } from "./runs.js";
import { useShared } from "./shared.js";

type Id = string | null | undefined;

/** A hook's project; that of the client where absent. */
export interface InProject {
  project?: string | undefined;
}

/** A run and everything below it, live. `run` is the run itself; null before it is known. */
export function useRun(id: Id, { project }: InProject = {}): RunView & { readonly run: Run | null } {
  const view = useShared(
    id ? runKey(id, project) : null,
    (registry) => openRun(registry, id ?? "", project),
    NO_RUN,
  );
  return useMemo(() => ({ ...view, run: view.snapshot?.runs[0] ?? null }), [view]);
}

/** The root runs that a filter asks for, newest first, live. */
export function useRuns(filter: RunsFilter = {}): RunsView {
  const { project, kind, state, limit } = filter;
  const key = JSON.stringify(["runs", project, kind, state, limit]);
  return useShared(key, (registry) => new LiveRuns(registry, filter), NO_RUNS);
}

/** An artifact with where to get it. */
export type ShownArtifact = Artifact & {
  /** The address of its bytes; null while it is not ready, and for addresses that are not http. It carries no token. */
  readonly href: string | null;
};

/** The artifacts of a run and of everything below it, in order of appearance, live. */
export function useArtifacts(
  id: Id,
  { project }: InProject = {},
): Pick<RunView, "status" | "error"> & {
  readonly artifacts: readonly ShownArtifact[];
} {
  const registered = useRegistered();
  const { snapshot, status, error } = useRun(id, { project });
  const known = snapshot?.artifacts;
  const artifacts = useMemo(
    () =>
      (known ?? []).map((artifact) => ({ ...artifact, href: href(artifact, registered().client, project) })),
    [known, registered, project],
  );
  return { artifacts, status, error };
}

function href(
  { artifact, run, state, url }: Artifact,
  client: MilepostClient,
  project: string | undefined,
): string | null {
  if (state !== "ready") return null;
  if (url === null || url.startsWith("/")) return client.artifactUrl(run, artifact, { project });
  return /^https?:/i.test(url) ? url : null;
}

/** Asking for a run to end. */
export interface Cancelling {
  /** Asks. Resolves when the server has written it down; the run ends when its worker says so, or at the deadline. Never rejects. */
  readonly cancel: (options?: { reason?: string; graceSeconds?: number }) => Promise<void>;
  /** Whether the server has not answered yet. */
  readonly isPending: boolean;
  /** What was asked for, once the server has it. */
  readonly request: Cancel | null;
  /** Why it was refused; null otherwise. */
  readonly error: MilepostError | null;
}

/** Cancels a run. */
export function useCancel(id: Id, { project }: InProject = {}): Cancelling {
  const registered = useRegistered();
  const [asked, setAsked] = useState<Omit<Cancelling, "cancel">>({
    isPending: false,
    request: null,
    error: null,
  });
  const cancel: Cancelling["cancel"] = useCallback(
    async (options = {}) => {
      if (!id) return;
      setAsked({ isPending: true, request: null, error: null });
      try {
        const { cancel } = await registered().client.cancel(id, { project, ...options });
        setAsked({ isPending: false, request: cancel, error: null });
      } catch (error) {
        setAsked({ isPending: false, request: null, error: error as MilepostError });
      }
    },
    [registered, id, project],
  );
  return { cancel, ...asked };
}

/** The latest events of a run and of everything below it, the oldest first, live. */
export function useEvents(id: Id, options: EventsOptions = {}): EventsView {
  const { project, limit, types } = options;
  const key = id ? JSON.stringify(["events", project, id, limit, types]) : null;
  return useShared(key, (registry) => new LiveEvents(registry, id ?? "", options), NO_EVENTS);
}

const NO_CAMPAIGN: CampaignView = { progress: null, isComplete: false, status: "connecting", error: null };

/** How far the jobs of a campaign are, and whether all of them are over. */
export function useProgressiveGeneration(
  campaignId: Id,
  { project }: InProject = {},
): { progress: CampaignProgress | null; isComplete: boolean } {
  const key = campaignId ? JSON.stringify(["campaign", project, campaignId]) : null;
  const open = ({ client }: { client: MilepostClient }) =>
    client.followCampaign(campaignId ?? "", { project });
  const { progress, isComplete } = useShared(key, open, NO_CAMPAIGN);
  return useMemo(() => ({ progress, isComplete }), [progress, isComplete]);
}

/** How all that is followed is connected, taken together: what is worth telling comes first. `idle` when nothing is. */
export function useConnectionStatus(): OverallStatus {
  const registered = useRegistered();
  const watch = useCallback((listener: () => void) => registered().watch(listener), [registered]);
  return useSyncExternalStore(
    watch,
    () => registered().status,
    () => "idle" as const,
  );
}
