/**
 * The fold: how one event changes a tree of runs. It computes what the server computes, and is held against the shared vectors
 * in `tests/vectors`.
 */

import type { Artifact, Message, Run, Snapshot } from "./generated.js";
import { changed, created } from "./lifecycle.js";
import { sequence } from "./position.js";
import { rolledUp } from "./progress.js";
import { grown } from "./text.js";
import type { Cursor, EventOf, MilepostEvent } from "./types.js";

/** Messages that a snapshot keeps; the log has the others. */
const MESSAGES_KEPT = 1_000;

/** A run among the others. */
interface Node {
  run: Run;
  readonly parent: Node | undefined;
  readonly children: Node[];
}

/** A tree of runs, folded event by event. What it hands out is never changed afterwards. */
export class Tree {
  #shown: Snapshot | null = null;
  #cursor = "";
  #time = "";
  #omitted = 0;
  readonly #project: string;
  /** In order of creation: the topmost run first, parents before their children. */
  readonly #nodes = new Map<string, Node>();
  #artifacts: Artifact[] = [];
  #messages: Message[] = [];

  /** The tree before its first event. */
  constructor(project: string) {
    this.#project = project;
  }

  /** The tree of a snapshot, to go on from. */
  static from(snapshot: Snapshot): Tree {
    const tree = new Tree(snapshot.project);
    for (const run of snapshot.runs) tree.#add(run);
    tree.#artifacts = [...snapshot.artifacts];
    tree.#messages = [...snapshot.messages];
    tree.#omitted = snapshot.messages_omitted;
    tree.#time = snapshot.time;
    tree.move(snapshot.cursor);
    tree.#shown = snapshot;
    return tree;
  }

  /** A tree of which only the root is known. */
  static root(run: Run, cursor: Cursor): Tree {
    const tree = new Tree(run.project);
    tree.#add(run);
    tree.move(cursor);
    return tree;
  }

  /** The sequence that it stands at. */
  get seq(): number {
    return sequence(this.#cursor);
  }

  /** The topmost run; undefined before there is one. */
  get root(): Run | undefined {
    for (const { run } of this.#nodes.values()) return run;
    return undefined;
  }

  /** The tree as the server would show it; null before its first run. `time` is that of the last event. */
  get snapshot(): Snapshot | null {
    const { root } = this;
    if (root === undefined) return null;
    this.#shown ??= {
      stream: root.stream,
      project: this.#project,
      seq: this.seq,
      cursor: this.#cursor,
      state: root.state,
      progress: root.progress,
      runs: Array.from(this.#nodes.values(), ({ run }) => run),
      artifacts: [...this.#artifacts],
      messages: [...this.#messages],
      messages_omitted: this.#omitted,
      time: this.#time,
    };
    return this.#shown;
  }

  /** Applies the next event. One of a run that is not in this tree moves the cursor and nothing else. */
  evolve(event: MilepostEvent, cursor: Cursor): void {
    this.#time = event.time;
    this.move(cursor);
    if (event.type === "run.created" && !this.#nodes.has(event.run)) this.#add(created(event, this.#project));
    let node = this.#nodes.get(event.run);
    if (node === undefined) return;
    node.run = changed(node.run, event);
    if (event.type === "message.appended") this.#appendMessage(event);
    else if (isAboutArtifact(event)) this.#changeArtifact(event);
    // What is closed because the one above it ends does not move that one: a run that failed half-way stays there.
    if (event.type === "run.cancelled" && event.data.reason === "parent_ended") return;
    for (; node !== undefined; node = node.parent) node.run = rolledUp(node.run, node.children, event);
  }

  /** Moves over events that are not for this viewer. */
  move(cursor: Cursor): void {
    this.#cursor = cursor;
    this.#shown = null;
  }

  #add(run: Run): void {
    const parent = this.#nodes.get(run.parent ?? "");
    const node: Node = { run, parent, children: [] };
    parent?.children.push(node);
    this.#nodes.set(run.id, node);
  }

  #appendMessage({ run, data }: EventOf<"message.appended">): void {
    const { message, role = "assistant", content, final } = data;
    const place = this.#messages.findLastIndex((known) => known.message === message && known.run === run);
    const before = this.#messages[place] ?? { message, run, role, content: "", final: false };
    const { text, omitted } = grown(before.content, content, before.omitted_bytes);
    put(this.#messages, place, {
      ...before,
      content: text,
      final: before.final || final,
      ...(omitted > 0 && { omitted_bytes: omitted }),
    });
    if (this.#messages.length > MESSAGES_KEPT) {
      this.#messages.shift();
      this.#omitted += 1;
    }
  }

  #changeArtifact(event: ArtifactEvent): void {
    const { run } = event;
    const { artifact } = event.data;
    const place = this.#artifacts.findLastIndex((known) => known.artifact === artifact && known.run === run);
    put(
      this.#artifacts,
      place,
      artifactAfter(this.#artifacts[place] ?? { ...ANNOUNCED, artifact, run }, event),
    );
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
      const { text, omitted } = grown(before.text ?? "", data.chunk, before.text_omitted_bytes);
      return { ...before, text, ...(omitted > 0 && { text_omitted_bytes: omitted }) };
    }
  }
}

function put<Item>(items: Item[], place: number, item: Item): void {
  if (place < 0) items.push(item);
  else items[place] = item;
}
