/** The client: calls, and subscriptions. */

import { autoTransport } from "./auto.js";
import { campaignSource } from "./campaign.js";
import type {
  CancelAccepted,
  Created,
  CreateRun,
  EventsPage,
  InputEvent,
  Published,
  RunState,
  RunsPage,
  Snapshot,
} from "./generated.js";
import { type Call, type Http, http, type Token } from "./http.js";
import { type LiveOptions, live } from "./live.js";
import { projectSource } from "./project.js";
import { runSource } from "./run.js";
import { socketTo, type WebSocketConstructor } from "./socket.js";
import { projectPath, runPath, sseTransport, type Transport } from "./transport.js";
import type {
  CampaignProgress,
  CampaignStarted,
  CampaignSubscription,
  Cursor,
  FollowItem,
  FollowOptions,
  FollowProjectOptions,
  IngestStarted,
  ProjectItem,
  ProjectSubscription,
  StartCampaign,
  StartIngest,
  SubscribeOptions,
  Subscription,
} from "./types.js";

/** How to reach the server. */
export interface ClientOptions {
  /** Where the server is, `https://host` or `https://host/below/a/path`; the origin of the page where absent. */
  url?: string | undefined;
  /** The project of calls that name none; `default` where absent. */
  project?: string | undefined;
  /** The token to send, or what gets one: it is called first when one is needed, and again when the server answers 401. */
  token?: Token | undefined;
  /** Instead of the global `fetch`. */
  fetch?: typeof fetch | undefined;
  /** Instead of the global `WebSocket`, which Node has from version 22 on. */
  WebSocket?: WebSocketConstructor | undefined;
  /** How runs are followed. `auto`, the default, is one WebSocket for all of them, or Server-Sent Events where that cannot be opened. */
  transport?: "auto" | "websocket" | "sse" | undefined;
  /** Whether connections are given back while nobody can see the page, and resumed afterwards. True where absent. */
  pauseWhenHidden?: boolean | undefined;
}

/** What every call takes. */
export interface CallOptions {
  /** The project; that of the client where absent. */
  project?: string | undefined;
  /** Gives up. */
  signal?: AbortSignal | undefined;
}

/**
 * A client of one server. It holds no connection by itself; subscriptions do, until they are closed.
 *
 * Every call throws a `MilepostError`: what the server refused with, or `unreachable`.
 */
export class MilepostClient {
  readonly #http: Http;
  readonly #project: string;
  readonly #transport: Transport;
  readonly #pauseWhenHidden: boolean;

  constructor(options: ClientOptions = {}) {
    this.#http = http(options.url, options.token, options.fetch);
    this.#project = options.project ?? "default";
    this.#transport = transport(this.#http, options);
    this.#pauseWhenHidden = options.pauseWhenHidden ?? true;
  }

  /** Follows a run and all below it, over reconnects and restarts of the server: every event once and in order. */
  follow(run: string, options: FollowOptions = {}): Subscription {
    const { signal: _, onStatus: __, onEvent, onSnapshot, project = this.#project, ...start } = options;
    const onItem = (item: FollowItem) => {
      if (item.type === "event") onEvent?.(item.event, item.cursor);
      else if (item.type === "snapshot") onSnapshot?.(item.snapshot);
    };
    return live(runSource(this.#transport, { project, run, ...start }), this.#live(options, onItem));
  }

  /** Follows a project: its open runs as they stand, and every event of every run. */
  followProject(options: FollowProjectOptions = {}): ProjectSubscription {
    const onItem = (item: ProjectItem) => {
      if (item.type === "event") options.onEvent?.(item.event);
    };
    const source = projectSource(this.#http, options.project ?? this.#project);
    return live(source, this.#live(options, onItem));
  }

  /** Follows the jobs of a campaign until all are over. */
  followCampaign(
    campaign: string,
    options: SubscribeOptions & { onProgress?: ((progress: CampaignProgress) => void) | undefined } = {},
  ): CampaignSubscription {
    const source = campaignSource(this.#http, options.project ?? this.#project, campaign);
    return live(source, this.#live(options, options.onProgress));
  }

  /** A page of root runs, or of the children of `parent`, newest first. */
  runs(
    filter: CallOptions & {
      kind?: string | undefined;
      state?: RunState | undefined;
      parent?: string | undefined;
      limit?: number | undefined;
      page?: string | undefined;
    } = {},
  ): Promise<RunsPage> {
    const { project, signal, ...query } = filter;
    return this.#http.json(this.#in(project, "/runs"), { query, signal });
  }

  /** A run and everything below it as it stands. */
  snapshot(run: string, { project, signal }: CallOptions = {}): Promise<Snapshot> {
    return this.#http.json(this.#run(run, project), { signal });
  }

  /** A page of the log of a run, from the beginning or after a cursor. */
  events(
    run: string,
    options: CallOptions & { after?: Cursor | undefined; limit?: number | undefined } = {},
  ): Promise<EventsPage> {
    const { project, signal, ...query } = options;
    return this.#http.json(this.#run(run, project, "/events"), { query, signal });
  }

  /** Creates a run. The same id again answers the same. */
  create(run: CreateRun, { project, signal }: CallOptions = {}): Promise<Created> {
    return this.#post(this.#in(project, "/runs"), run, { signal });
  }

  /**
   * Publishes one event or several at once; all of them are durable then, or none is. An event with an `id` may be sent again.
   * `lease` fences a worker that was only slow, `ifMatch` refuses if the stream has moved on from a cursor.
   */
  publish(
    run: string,
    events: InputEvent | readonly InputEvent[],
    {
      project,
      signal,
      lease,
      ifMatch,
    }: CallOptions & { lease?: string | undefined; ifMatch?: Cursor | undefined } = {},
  ): Promise<Published> {
    const headers = { "Milepost-Lease": lease, "If-Match": ifMatch };
    return this.#post(this.#run(run, project, "/events"), events, { headers, signal });
  }

  /** Asks for a run to end. The worker has `graceSeconds` (30) to acknowledge, then the server cancels by itself. */
  cancel(
    run: string,
    {
      project,
      signal,
      reason,
      graceSeconds,
    }: CallOptions & { reason?: string | undefined; graceSeconds?: number | undefined } = {},
  ): Promise<CancelAccepted> {
    return this.#post(
      this.#run(run, project, "/cancel"),
      { reason, grace_seconds: graceSeconds },
      { signal },
    );
  }

  /** The address of an artifact's bytes, for links and images. It carries no token: where one is needed, see `artifact`. */
  artifactUrl(run: string, artifact: string, { project }: Pick<CallOptions, "project"> = {}): string {
    return this.#http.url(this.#artifact(run, artifact, project)).href;
  }

  /** An artifact's bytes, as the answer of a fetch. */
  artifact(run: string, artifact: string, { project, signal }: CallOptions = {}): Promise<Response> {
    return this.#http.request(this.#artifact(run, artifact, project), { signal });
  }

  /** Starts the ingestion of a repository. Follow `job_id` as a run. */
  startIngest(
    job: StartIngest,
    { project = this.#project, signal }: CallOptions = {},
  ): Promise<IngestStarted> {
    return this.#post("api/v1/ingest/github", { project, ...job }, { signal });
  }

  /** Starts the generation of a campaign. Follow it by `followCampaign`, or `campaign_id` as a run. */
  startCampaign(
    campaign: StartCampaign,
    { project = this.#project, signal }: CallOptions = {},
  ): Promise<CampaignStarted> {
    return this.#post("api/v1/content/generate-with-progress", campaign, { query: { project }, signal });
  }

  #post<Answer>(path: string, json: unknown, call: Call): Promise<Answer> {
    return this.#http.json(path, { ...call, method: "POST", json });
  }

  #in(project: string | undefined, below: string): string {
    return projectPath(project ?? this.#project, below);
  }

  #run(run: string, project: string | undefined, below = ""): string {
    return runPath(project ?? this.#project, run, below);
  }

  #artifact(run: string, artifact: string, project: string | undefined): string {
    return this.#run(run, project, `/artifacts/${encodeURIComponent(artifact)}`);
  }

  #live<Item>({ signal, onStatus }: SubscribeOptions, onItem?: (item: Item) => void): LiveOptions<Item> {
    return { signal, onStatus, onItem, pauseWhenHidden: this.#pauseWhenHidden };
  }
}

function transport(http: Http, options: ClientOptions): Transport {
  const sse = sseTransport(http);
  const WebSocket = options.WebSocket ?? globalThis.WebSocket;
  if (options.transport === "sse") return sse;
  if (WebSocket === undefined) {
    if (options.transport === "websocket") throw new TypeError("no WebSocket");
    return sse;
  }
  const socket = socketTo(http, WebSocket);
  return options.transport === "websocket" ? socket.open : autoTransport(socket, sse);
}
