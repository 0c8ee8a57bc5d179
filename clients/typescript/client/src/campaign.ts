/** A campaign that is followed: how far its jobs are. */

import type { Http } from "./http.js";
import type { Source } from "./live.js";
import { isOver } from "./progress.js";
import { type Frame, stream } from "./stream.js";
import type { CampaignProgress, CampaignView } from "./types.js";

/** What a subscription to a campaign knows. */
export function campaignSource(
  http: Http,
  project: string,
  campaign: string,
): Source<CampaignView, Frame, CampaignProgress> {
  let cursor: string | null = null;
  let progress: CampaignProgress | null = null;
  let isComplete = false;
  return {
    open(signal) {
      const headers = { "Last-Event-ID": cursor ?? undefined };
      const path = `api/v1/content/progress/${encodeURIComponent(campaign)}`;
      return stream(http, path, { query: { project }, headers }, signal);
    },

    take({ event, data, id }) {
      cursor = id ?? cursor;
      if (event === "progress") {
        progress = data as CampaignProgress;
        isComplete = progress.jobs.every(({ status }) => isOver(status));
        return { items: [progress], status: isComplete ? "ended" : "live" };
      }
      isComplete ||= event === "end";
      return isComplete ? { status: "ended" } : {};
    },

    view(status, error) {
      return { progress, isComplete, status, error };
    },

    summary() {
      return progress === null ? [] : [progress];
    },
  };
}
