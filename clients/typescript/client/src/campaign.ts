/** A campaign that is followed: how far its jobs are. */

import type { MilepostError } from "./error.js";
import type { Http } from "./http.js";
import type { Source, Taken } from "./live.js";
import { type Frame, stream } from "./stream.js";
import type { CampaignProgress, CampaignView, ConnectionStatus } from "./types.js";

const OVER = ["completed", "failed", "cancelled"];

/** What a subscription to a campaign knows. */
export class CampaignSource implements Source<CampaignView, Frame, CampaignProgress> {
  readonly #http: Http;
  readonly #path: string;
  readonly #project: string;
  #cursor: string | null = null;
  #progress: CampaignProgress | null = null;
  #ended = false;

  constructor(http: Http, project: string, campaign: string) {
    this.#http = http;
    this.#project = project;
    this.#path = `api/v1/content/progress/${encodeURIComponent(campaign)}`;
  }

  open(signal: AbortSignal): AsyncIterable<Frame> {
    const headers: Record<string, string> = this.#cursor === null ? {} : { "Last-Event-ID": this.#cursor };
    return stream(this.#http, this.#path, { query: { project: this.#project }, headers }, signal);
  }

  take({ event, data, id }: Frame): Taken<CampaignProgress> {
    this.#cursor = id ?? this.#cursor;
    if (event === "end") {
      this.#ended = true;
      return { status: "ended" };
    }
    if (event !== "progress") return {};
    const progress = data as CampaignProgress;
    this.#progress = progress;
    this.#ended = progress.jobs.every(({ status }) => OVER.includes(status));
    return { items: [progress], status: this.#ended ? "ended" : "live" };
  }

  view(status: ConnectionStatus, error: MilepostError | null): CampaignView {
    return { progress: this.#progress, isComplete: this.#ended, status, error };
  }

  summary(): CampaignProgress[] {
    return this.#progress === null ? [] : [this.#progress];
  }
}
