// Made from the server's OpenAPI document by `npm run generate`; a test compares. Do not edit.

/**
 * The states in which a run may be created.
 */
export type InitialState = "queued" | "running";
/**
 * Where the audit of a run stands.
 */
export type AuditState = "not_started" | "in_progress" | "completed";
/**
 * The state of a run.
 */
export type RunState = "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
/**
 * What became of an artifact.
 */
export type ArtifactState = "pending" | "ready" | "failed";

export interface Schemas {
  ArtifactStored: ArtifactStored;
  CancelAccepted: CancelAccepted;
  CreateRun: CreateRun;
  Created: Created;
  Event: Event;
  EventData: EventData;
  EventsPage: EventsPage;
  InputEvent: InputEvent;
  Problem: Problem;
  Published: Published;
  RunsPage: RunsPage;
  Snapshot: Snapshot;
}
/**
 * Of `PUT /runs/{run}/artifacts/{artifact}`: the bytes and the `artifact.ready` event are durable.
 */
export interface ArtifactStored {
  /**
   * The artifact.
   */
  artifact: string;
  /**
   * The run.
   */
  run: string;
  /**
   * The sequence of its `artifact.ready`.
   */
  seq: number;
  /**
   * Its SHA-256, in lower-case hexadecimal.
   */
  sha256: string;
  /**
   * Its length in bytes.
   */
  size: number;
  /**
   * Where to get it, relative to the server.
   */
  url: string;
}
/**
 * Of `POST /runs/{run}/cancel`.
 */
export interface CancelAccepted {
  cancel: Cancel;
  /**
   * The run.
   */
  run: string;
}
/**
 * A cancel request.
 */
export interface Cancel {
  /**
   * Null while nobody answered, false when the deadline passed without a worker's word.
   */
  acknowledged: boolean | null;
  by: string | null;
  deadline: string;
  reason: string | null;
  requested_at: string;
}
/**
 * Of `POST /runs`.
 */
export interface CreateRun {
  /**
   * Children that will be created; they count 0 in the roll-up until they are.
   */
  expected_children?: number | null;
  /**
   * Its id; made by the server where absent. 1 to 128 characters of `A-Z a-z 0-9 . _ ~ : -`.
   */
  id?: string | null;
  /**
   * What sort of work it is.
   */
  kind: string;
  /**
   * Seconds without a word after which it counts as stalled, 1 to 604 800; never where absent.
   */
  lease_seconds?: number | null;
  /**
   * Whatever its maker wants to remember: an object of at most 64 KiB.
   */
  metadata?: {
    [k: string]: unknown;
  } | null;
  /**
   * What to call it.
   */
  name?: string | null;
  /**
   * The run that it is a part of; a root where absent.
   */
  parent?: string | null;
  state?: InitialState;
  /**
   * Its share in the roll-up of its parent, 0 to 1 000 000; 1 where absent.
   */
  weight?: number | null;
}
/**
 * Of `POST /runs`.
 */
export interface Created {
  /**
   * The same as a cursor.
   */
  cursor: string;
  /**
   * The run.
   */
  run: string;
  /**
   * The sequence of the last event that creating it wrote.
   */
  seq: number;
  /**
   * Its stream: the id of its root.
   */
  stream: string;
}
/**
 * EVENT: an event as it is sent.
 */
export interface Event {
  coalesced?: Coalesced | null;
  data: {
    [k: string]: unknown;
  };
  id: string;
  run: string;
  /**
   * Contiguous within the stream, from 1 on.
   */
  seq: number;
  stream: string;
  time: string;
  type: string;
}
/**
 * Which progress was left out before an event.
 */
export interface Coalesced {
  /**
   * The first sequence that was left out.
   */
  from: number;
}
/**
 * The `data` of an event, by the event's type. Members that are not required are left out where there is nothing to say.
 * Types of your own start with `x.` and carry any JSON.
 */
export interface EventData {
  "artifact.appended": ArtifactAppended;
  "artifact.failed": ArtifactFailed;
  "artifact.pending": ArtifactPending;
  "artifact.ready": ArtifactReady;
  "message.appended": MessageAppended;
  "run.audit_started": Nothing;
  "run.audited": RunAudited;
  "run.cancel_requested": RunCancelRequested;
  "run.cancelled": RunCancelled;
  "run.completed": RunCompleted;
  "run.created": RunCreated;
  "run.failed": RunFailed;
  "run.progressed": RunProgressed;
  "run.recovered": Nothing;
  "run.resumed": Reason;
  "run.stalled": Nothing;
  "run.started": RunStarted;
  "run.waiting": Reason;
  "state.updated": StateUpdated;
}
/**
 * Of `artifact.appended`: text, or a reference to bytes that are elsewhere.
 */
export interface ArtifactAppended {
  artifact: string;
  bytes?: unknown;
  chunk?: string;
}
/**
 * Of `artifact.failed`.
 */
export interface ArtifactFailed {
  artifact: string;
  error?: ErrorInfo;
}
/**
 * Why something failed.
 */
export interface ErrorInfo {
  code: string;
  /**
   * There only when something was said.
   */
  details?: unknown;
  message: string;
}
/**
 * Of `artifact.pending`.
 */
export interface ArtifactPending {
  artifact: string;
  artifact_type?: string;
  media_type?: string;
  name?: string;
}
/**
 * Of `artifact.ready`.
 */
export interface ArtifactReady {
  artifact: string;
  artifact_type?: string;
  media_type?: string;
  name?: string;
  sha256?: string;
  /**
   * In bytes.
   */
  size?: number;
  url?: string;
}
/**
 * Of `message.appended`: `content` is appended to what the message already has.
 */
export interface MessageAppended {
  content: string;
  /**
   * Whether the message is complete with this.
   */
  final: boolean;
  message: string;
  /**
   * Counts on the first part only; `assistant` where it is never said.
   */
  role?: string;
}
/**
 * Of events that say all by their type.
 */
export interface Nothing {
  [k: string]: unknown;
}
/**
 * Of `run.audited`.
 */
export interface RunAudited {
  notes?: unknown;
  verdict?: string;
}
/**
 * Of `run.cancel_requested`.
 */
export interface RunCancelRequested {
  by?: string;
  deadline?: string;
  reason?: string;
}
/**
 * Of `run.cancelled`.
 */
export interface RunCancelled {
  /**
   * False when no worker said so: the deadline passed, or its parent ended.
   */
  acknowledged?: boolean;
  reason?: string;
}
/**
 * Of `run.completed`.
 */
export interface RunCompleted {
  result?: unknown;
}
/**
 * Of `run.created`.
 */
export interface RunCreated {
  expected_children?: number;
  kind: string;
  lease_seconds?: number;
  metadata?: {
    [k: string]: unknown;
  };
  name?: string;
  /**
   * Absent for a root.
   */
  parent?: string;
  /**
   * Its share in the roll-up of its parent; 1 where absent.
   */
  weight?: number;
}
/**
 * Of `run.failed`.
 */
export interface RunFailed {
  error?: ErrorInfo;
}
/**
 * Of `run.progressed`. In the log the latest report says all that those before it said.
 */
export interface RunProgressed {
  current?: number | null;
  /**
   * How far the run was shown already, where that is further than this report; the server's word.
   */
  fraction?: number;
  message?: string | null;
  stage?: string | null;
  /**
   * Null when indeterminate.
   */
  total?: number | null;
  unit?: string | null;
}
/**
 * Of `run.waiting` and `run.resumed`.
 */
export interface Reason {
  reason?: string;
}
/**
 * Of `run.started`.
 */
export interface RunStarted {
  attempt?: number;
  /**
   * There when a worker claimed the run.
   */
  lease_seconds?: number;
}
/**
 * Of `state.updated`: a key with its new value, or a patch (RFC 6902) of the key's value, or of all values.
 */
export interface StateUpdated {
  key?: string;
  patch?: PatchOperation[];
  value?: unknown;
}
/**
 * An operation of RFC 6902.
 */
export interface PatchOperation {
  from?: string;
  /**
   * `add`, `remove`, `replace`, `move`, `copy` or `test`.
   */
  op: string;
  path: string;
  value?: unknown;
}
/**
 * Of `GET /runs/{run}/events`.
 */
export interface EventsPage {
  events: Event[];
  /**
   * Where the stream stands.
   */
  head: string;
  /**
   * The `after` of the next page.
   */
  next: string;
  /**
   * There only when the page does not go on where it was asked to, but at the beginning: why.
   */
  reset?: string | null;
}
/**
 * One event that a producer publishes.
 */
export interface InputEvent {
  /**
   * What the type asks for, at most 256 KiB; absent and `null` stand for `{}`.
   */
  data?: {
    [k: string]: unknown;
  } | null;
  /**
   * Idempotency id: published twice to a stream, it is stored once. Made by the server where absent.
   */
  id?: string | null;
  /**
   * The run that it is about, any of the same tree; that of the path where absent.
   */
  run?: string | null;
  /**
   * When it happened (RFC 3339); when the server got it where absent.
   */
  time?: string | null;
  /**
   * What happened.
   */
  type: string;
}
/**
 * A refusal as it is sent. `code` is what programs look at; it never changes its meaning.
 */
export interface Problem {
  cancel?: CancelInfo | null;
  /**
   * The code of the catalogue. Text, because a newer server may have codes that its client does not know.
   */
  code: string;
  /**
   * Where the stream stands, with `head_moved`.
   */
  cursor?: string | null;
  /**
   * What happened this time, for people.
   */
  detail: string;
  /**
   * Which event of a batch it is about, from 0 on.
   */
  index?: number | null;
  /**
   * The HTTP status, also where it does not travel by HTTP.
   */
  status: number;
  /**
   * What happened, in words that do not depend on the occurrence.
   */
  title: string;
  /**
   * `urn:milepost:problem:` and the code.
   */
  type: string;
}
/**
 * An open cancel request, as a worker is told of it.
 */
export interface CancelInfo {
  /**
   * Who asked.
   */
  by?: string | null;
  /**
   * When the server cancels by itself.
   */
  deadline: string;
  /**
   * Why.
   */
  reason?: string | null;
  /**
   * When.
   */
  requested_at: string;
  /**
   * The run that is to end, which may be above the worker's own.
   */
  run: string;
}
/**
 * Of `POST /runs/{run}/events`: durable, all of it.
 */
export interface Published {
  cancel?: CancelInfo | null;
  /**
   * What became of each event, in the order of the request.
   */
  events: PublishedEvent[];
  /**
   * Its head after this batch.
   */
  seq: number;
  /**
   * The stream.
   */
  stream: string;
}
/**
 * What became of one event.
 */
export interface PublishedEvent {
  /**
   * Whether it is progress that later progress superseded before it was written.
   */
  coalesced?: boolean;
  /**
   * Whether it was there already.
   */
  duplicate?: boolean;
  /**
   * Its id: the producer's, or the one that the server made.
   */
  id: string;
  /**
   * Its sequence; of a duplicate that of the first one, of coalesced progress that of what superseded it.
   */
  seq: number;
}
/**
 * Of `GET /runs`.
 */
export interface RunsPage {
  next_page: string | null;
  runs: Run[];
}
/**
 * RUN: a run as it is shown. Absent things are null.
 */
export interface Run {
  attempt: number;
  audit: AuditState;
  cancel: Cancel | null;
  claimed: boolean;
  /**
   * There only when true: the latest report took something back with null.
   */
  cleared?: boolean;
  created_at: string;
  created_seq: number;
  error: ErrorInfo | null;
  expected_children: number;
  finished_at: string | null;
  id: string;
  kind: string;
  /**
   * RFC 3339, like all times.
   */
  lease_expires_at: string | null;
  lease_seconds: number | null;
  message: string | null;
  metadata: {
    [k: string]: unknown;
  } | null;
  name: string | null;
  parent: string | null;
  progress: Progress;
  project: string;
  result: unknown;
  stage: string | null;
  /**
   * Whether its lease ran out.
   */
  stalled: boolean;
  started_at: string | null;
  state: RunState;
  stream: string;
  updated_at: string;
  values: {
    [k: string]: unknown;
  };
  verdict: string | null;
  weight: number;
}
/**
 * How far a run is.
 */
export interface Progress {
  current: number | null;
  /**
   * Milliseconds to go.
   */
  eta_ms: number | null;
  /**
   * 0 to 1; never falls within an attempt.
   */
  fraction: number | null;
  /**
   * Null when indeterminate.
   */
  total: number | null;
  unit: string | null;
}
/**
 * SNAPSHOT: a tree of runs, or the part below one run, at one sequence.
 */
export interface Snapshot {
  artifacts: Artifact[];
  /**
   * `<epoch>-<seq>`.
   */
  cursor: string;
  messages: Message[];
  /**
   * Older messages that are in the log only.
   */
  messages_omitted: number;
  progress: Progress;
  project: string;
  /**
   * The topmost first, parents before children.
   */
  runs: Run[];
  seq: number;
  state: RunState;
  stream: string;
  time: string;
}
/**
 * ARTIFACT: an artifact as it is shown.
 */
export interface Artifact {
  artifact: string;
  artifact_type: string | null;
  error?: ErrorInfo | null;
  media_type: string | null;
  name: string | null;
  run: string;
  sha256: string | null;
  size: number | null;
  state: ArtifactState;
  /**
   * There only when text was appended.
   */
  text?: string | null;
  /**
   * Bytes of the text that were left out; there only when some were.
   */
  text_omitted_bytes?: number;
  url: string | null;
}
/**
 * MESSAGE: a message as it is shown.
 */
export interface Message {
  content: string;
  final: boolean;
  message: string;
  /**
   * Bytes of the content that were left out; there only when some were.
   */
  omitted_bytes?: number;
  role: string;
  run: string;
}
