/** What the client hands out. The shapes of the wire are in `generated.ts`. */

import type { MilepostError } from "./error.js";
import type { EventData, Run, Event as Sent, Snapshot } from "./generated.js";

/** A place in a stream, as the server writes it: `<epoch>-<seq>`. Opaque; give it back to go on from there. */
export type Cursor = string;

/** An event of one of these types. */
export type EventOf<Type extends keyof EventData> = {
  [Each in Type]: Omit<Sent, "type" | "data"> & { type: Each; data: EventData[Each] };
}[Type];

/** An event of a type of your own. */
export type CustomEvent = Omit<Sent, "type" | "data"> & { type: `x.${string}`; data: unknown };

/** An event; its `type` says what its `data` is. */
export type MilepostEvent = EventOf<keyof EventData> | CustomEvent;

/**
 * How a subscription is connected.
 *
 * `connecting` → `replaying` (what is there is being handed over) → `live`; `reconnecting` after a loss, `paused` while the
 * page is hidden; at the end `ended` (everything was seen), or `failed` (the server refuses, see `error`).
 */
export type ConnectionStatus =
  | "connecting"
  | "replaying"
  | "live"
  | "reconnecting"
  | "paused"
  | "ended"
  | "failed";

/** A tree of runs as it stands. Never changed afterwards; a new one is made when something changes. */
export interface RunView {
  /** The fold of everything seen; null before the first snapshot or event. With `types`, as the server sent it last. */
  readonly snapshot: Snapshot | null;
  /** The sequence up to which everything was seen; 0 before that. */
  readonly seq: number;
  /** The same as a cursor; null before anything was seen. */
  readonly cursor: Cursor | null;
  /** How the subscription is connected. */
  readonly status: ConnectionStatus;
  /** Why it failed, or why the connection was lost last; null while all is well. */
  readonly error: MilepostError | null;
}

/** What a subscription to a run yields, in order. */
export type FollowItem =
  /** The tree as it stands; forget what came before. */
  | { readonly type: "snapshot"; readonly snapshot: Snapshot; readonly cursor: Cursor }
  /** The next event. */
  | { readonly type: "event"; readonly event: MilepostEvent; readonly cursor: Cursor }
  /** What was there when the connection was made has been seen. Comes again after a reconnect. */
  | { readonly type: "caught_up"; readonly cursor: Cursor | null }
  /** Continuity could not be given (`epoch`, `ahead`, `too_slow`); a snapshot follows. */
  | { readonly type: "reset"; readonly reason: string }
  /** The run is over and everything was seen. The last item. */
  | { readonly type: "end"; readonly cursor: Cursor | null };

/** Options that every subscription has. */
export interface SubscribeOptions {
  /** The project; that of the client where absent. */
  project?: string | undefined;
  /** Ends the subscription, as `close` does. */
  signal?: AbortSignal | undefined;
  /** Called whenever the connection changes. */
  onStatus?: ((status: ConnectionStatus, error: MilepostError | null) => void) | undefined;
}

/** How to follow a run. */
export interface FollowOptions extends SubscribeOptions {
  /** Go on strictly after this cursor, without a snapshot: then `state.snapshot` stays null until the server sends one. */
  after?: Cursor | undefined;
  /** `start` replays the whole log instead of beginning with a snapshot. */
  from?: "start" | undefined;
  /** At most one progress event per run in so many milliseconds, 0 to 60 000. */
  coalesceMs?: number | undefined;
  /** Only events of these types: `run.*`, `artifact.ready`, `x.*`. Then nothing is folded, and gaps cannot be seen. */
  types?: readonly string[] | undefined;
  /** Called with each event, in order, once. */
  onEvent?: ((event: MilepostEvent, cursor: Cursor) => void) | undefined;
  /** Called with each snapshot that the server sends: what came before is superseded. */
  onSnapshot?: ((snapshot: Snapshot) => void) | undefined;
}

/** Something that is followed until it ends, fails, or is closed. */
export interface Live<View, Item> extends AsyncIterable<Item> {
  /** How it stands now. The same object until something changes. */
  readonly state: View;
  /** Calls `listener` after each change of `state`. Returns what takes the listener away again. */
  subscribe(listener: () => void): () => void;
  /** Stops following. Nothing is called afterwards. */
  close(): void;
}

/** A run that is followed. */
export type Subscription = Live<RunView, FollowItem>;

/** The open runs of a project as they stand. */
export interface ProjectView {
  /** Root runs, newest first: those that were open when the feed began or began since. Of those that ended meanwhile the last 100. */
  readonly runs: readonly Run[];
  /** How the feed is connected. */
  readonly status: ConnectionStatus;
  /** Why it failed, or why the connection was lost last. */
  readonly error: MilepostError | null;
}

/** What a subscription to a project yields. */
export type ProjectItem =
  /** The open runs; forget what came before. */
  | { readonly type: "list"; readonly runs: readonly Run[] }
  /** An event of any run of the project. */
  | { readonly type: "event"; readonly event: MilepostEvent };

/** How to follow a project. */
export interface FollowProjectOptions extends SubscribeOptions {
  /** Called with each event of any run of the project. */
  onEvent?: ((event: MilepostEvent) => void) | undefined;
}

/** A project that is followed. */
export type ProjectSubscription = Live<ProjectView, ProjectItem>;

/** One job of a campaign. */
export interface CampaignJob {
  id: string;
  type: "text" | "image" | "video";
  status: "queued" | "processing" | "completed" | "failed" | "cancelled";
  /** 0 to 1. */
  progress: number;
  message: string | null;
  content_id: string | null;
}

/** How far a campaign is. */
export interface CampaignProgress {
  campaign_id: string;
  /** 0 to 1; never falls. */
  overall_progress: number;
  jobs: CampaignJob[];
  timestamp: string;
}

/** A campaign as it stands. */
export interface CampaignView {
  /** Null before the first word of the server. */
  readonly progress: CampaignProgress | null;
  /** Whether every job is over. */
  readonly isComplete: boolean;
  /** How it is connected. */
  readonly status: ConnectionStatus;
  /** Why it failed, or why the connection was lost last. */
  readonly error: MilepostError | null;
}

/** A campaign that is followed; yields each change. */
export type CampaignSubscription = Live<CampaignView, CampaignProgress>;

/** What is to be generated. */
export interface StartCampaign {
  campaign_id?: string;
  business_description: string;
  objective: string;
  /** 6 where absent. */
  post_count?: number;
  /** True where absent. */
  generate_visuals?: boolean;
  /** `external` leaves the jobs to workers that claim them or report by webhook. */
  worker?: "builtin" | "external";
}

/** A campaign that was started. */
export interface CampaignStarted {
  campaign_id: string;
  status: string;
  jobs: Pick<CampaignJob, "id" | "type" | "status" | "progress" | "message">[];
  progress_endpoint: string;
}

/** Which repository to ingest. */
export interface StartIngest {
  repository: string;
  branch?: string;
  /** Made by the server where absent. It is the id of the run, too. */
  job_id?: string;
}

/** An ingestion that was started. */
export interface IngestStarted {
  job_id: string;
  status: string;
  events_url: string;
  cancel_url: string;
}
