/**
 * The fold: how one event changes a tree of runs. It computes what the server computes, and is held against the shared vectors
 * in `tests/vectors`.
 */

import type { Artifact, Message, Run, Snapshot } from "./generated.js";
import { changed, created } from "./lifecycle.js";
import { sequence } from "./position.js";
import { furthest, isOver, rollUp, timeToGo } from "./progress.js";
import { grown } from "./text.js";
import type { Cursor, EventOf, MilepostEvent } from "./types.js";

/** Messages that a snapshot keeps; the log has the others. */
const MESSAGES_KEPT = 1_000;

/** A tree of runs, folded event by event. What it hands out is never changed afterwards. */
export class Tree {
  #shown: Snapshot | null = null;
  #seq = 0;
  #cursor = "";
  #time = "";
  #omitted = 0;
  readonly #project: string;
  readonly #runs: Run[] = [];
  readonly #artifacts: Artifact[] = [];
  readonly #messages: Message[] = [];
  readonly #places = new Map<string, number>();
  readonly #children = new Map<string, number[]>();

  /** The tree before its first event. */
  constructor(project: string) {
    this.#project = project;
  }

  /** The tree of a snapshot, to go on from. */
  static from(snapshot: Snapshot): Tree {
    const tree = new Tree(snapshot.project);
    for (const run of snapshot.runs) tree.#add(run);
    tree.#artifacts.push(...snapshot.artifacts);
    tree.#messages.push(...snapshot.messages);
    tree.#omitted = snapshot.messages_omitted;
    tree.#time = snapshot.time;
    tree.move(snapshot.seq, snapshot.cursor);
    tree.#shown = snapshot;
    return tree;
  }

  /** A tree of which only the root is known. */
  static root(run: Run, cursor: Cursor): Tree {
    const tree = new Tree(run.project);
    tree.#add(run);
    tree.move(sequence(cursor), cursor);
    return tree;
  }

  /** The sequence that it stands at. */
  get seq(): number {
    return this.#seq;
  }

  /** The topmost run; undefined before there is one. */
  get root(): Run | undefined {
    return this.#runs[0];
  }

  /** The tree as the server would show it; null before its first run. `time` is that of the last event. */
  get snapshot(): Snapshot | null {
    const top = this.#runs[0];
    if (top === undefined) return null;
    this.#shown ??= {
      stream: top.stream,
      project: this.#project,
      seq: this.#seq,
      cursor: this.#cursor,
      state: top.state,
      progress: top.progress,
      runs: [...this.#runs],
      artifacts: [...this.#artifacts],
      messages: [...this.#messages],
      messages_omitted: this.#omitted,
      time: this.#time,
    };
    return this.#shown;
  }

  /** Applies the next event. One of a run that is not in this tree moves the cursor and nothing else. */
  evolve(event: MilepostEvent, cursor: string): void {
    this.#time = event.time;
    this.move(event.seq, cursor);
    if (event.type === "run.created" && !this.#places.has(event.run))
      this.#add(created(event, this.#project));
    const place = this.#places.get(event.run);
    const run = place === undefined ? undefined : this.#runs[place];
    if (place === undefined || run === undefined) return;
    this.#runs[place] = changed(run, event);
    if (event.type === "message.appended") this.#appendMessage(event);
    else if (isAboutArtifact(event)) this.#changeArtifact(event);
    this.#rollUpFrom(place, event);
  }

  /** Moves over events that are not for this viewer. */
  move(seq: number, cursor: string): void {
    this.#seq = seq;
    this.#cursor = cursor;
    this.#shown = null;
  }

  #add(run: Run): void {
    const place = this.#runs.push(run) - 1;
    this.#places.set(run.id, place);
    const parent = this.#parentOf(run);
    if (parent === undefined) return;
    const siblings = this.#children.get(run.parent ?? "") ?? [];
    siblings.push(place);
    this.#children.set(run.parent ?? "", siblings);
  }

  #parentOf(run: Run): number | undefined {
    return run.parent === null ? undefined : this.#places.get(run.parent);
  }

  #appendMessage({ run, data }: EventOf<"message.appended">): void {
    const place = this.#messages.findLastIndex(
      (known) => known.message === data.message && known.run === run,
    );
    const { message, role = "assistant" } = data;
    const before = this.#messages[place] ?? { message, run, role, content: "", final: false };
    const { text, omitted } = grown(before.content, data.content ?? "", before.omitted_bytes ?? 0);
    const after: Message = { ...before, content: text, final: before.final || (data.final ?? false) };
    if (omitted > 0) after.omitted_bytes = omitted;
    put(this.#messages, place, after);
    if (this.#messages.length > MESSAGES_KEPT) {
      this.#messages.shift();
      this.#omitted += 1;
    }
  }

  #changeArtifact(event: ArtifactEvent): void {
    const { run, data } = event;
    const place = this.#artifacts.findLastIndex(
      (known) => known.artifact === data.artifact && known.run === run,
    );
    const before = this.#artifacts[place] ?? { ...ANNOUNCED, artifact: data.artifact, run };
    put(this.#artifacts, place, artifactAfter(before, event));
  }

  /**
   * Brings the fractions of a run and of those above it up to date. The time to go is looked at again with all progress, also
   * where it moves nothing, so that it is the same for a viewer who did not get what the last report superseded.
   */
  #rollUpFrom(first: number, event: MilepostEvent): void {
    const progressed = event.type === "run.progressed";
    const closed = event.type === "run.cancelled" && event.data.reason === "parent_ended";
    let place: number | undefined = first;
    while (place !== undefined) {
      const run: Run | undefined = this.#runs[place];
      if (run === undefined) return;
      // What is closed because the one above it ends does not move that one: a run that failed half-way stays there.
      if (!(isOver(run.state) || closed || run.cancel !== null)) {
        const children = (this.#children.get(run.id) ?? []).flatMap((child) => this.#runs[child] ?? []);
        const fraction = furthest(run, rollUp(children, run.expected_children));
        const moved = fraction !== run.progress.fraction;
        const eta_ms = moved || progressed ? timeToGo(run, fraction, event.time) : run.progress.eta_ms;
        if (moved || eta_ms !== run.progress.eta_ms) {
          this.#runs[place] = { ...run, progress: { ...run.progress, fraction, eta_ms } };
        }
      }
      place = this.#parentOf(run);
    }
  }
}

type ArtifactEvent = EventOf<"artifact.pending" | "artifact.appended" | "artifact.ready" | "artifact.failed">;

const ANNOUNCED = {
  artifact_type: null,
  name: null,
  state: "pending",
  media_type: null,
  size: null,
  sha256: null,
  url: null,
} as const;

function isAboutArtifact(event: MilepostEvent): event is ArtifactEvent {
  return event.type.startsWith("artifact.");
}

function artifactAfter(before: Artifact, { type, data }: ArtifactEvent): Artifact {
  const { error: _, ...kept } = before;
  switch (type) {
    case "artifact.pending":
      return { ...before, ...data, state: "pending" };
    case "artifact.ready":
      return { ...kept, size: null, sha256: null, url: null, ...data, state: "ready" };
    case "artifact.failed":
      return { ...kept, ...data, state: "failed" };
    case "artifact.appended": {
      if (data.chunk === undefined) return before;
      const { text, omitted } = grown(before.text ?? "", data.chunk, before.text_omitted_bytes ?? 0);
      return omitted > 0 ? { ...before, text, text_omitted_bytes: omitted } : { ...before, text };
    }
  }
}

function put<Item>(items: Item[], place: number, item: Item): void {
  if (place < 0) items.push(item);
  else items[place] = item;
}
