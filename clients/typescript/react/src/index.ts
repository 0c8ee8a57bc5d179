"use client";

/** React hooks for live progress of long-running work on a Milepost server. */

export type { EventsOptions, EventsView } from "./events.js";
export {
  type Cancelling,
  type InProject,
  type ShownArtifact,
  useArtifacts,
  useCancel,
  useConnectionStatus,
  useEvents,
  useProgressiveGeneration,
  useRun,
  useRuns,
} from "./hooks.js";
export { MilepostProvider, type MilepostProviderProps, useMilepost } from "./provider.js";
export type { OverallStatus } from "./registry.js";
export type { RunsFilter, RunsView } from "./runs.js";
