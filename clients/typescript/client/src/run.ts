/** A run that is followed: its events in order, each once, and the tree that they fold to. */

import { type MilepostError, unreachable } from "./error.js";
import { Tree } from "./fold.js";
import type { Snapshot } from "./generated.js";
import type { Source, Taken } from "./live.js";
import { Position } from "./position.js";
import type { Received, Request, Transport } from "./transport.js";
import type { ConnectionStatus, Cursor, FollowItem, RunView } from "./types.js";

/** Events that are held while one before them is missing. Beyond that it will not come any more. */
const HELD_EVENTS = 1_000;

/** How long the missing one may take. Events that overtake each other do so by little. */
const OVERTAKEN_MS = 250;

type Told = FollowItem & { type: "event" };

/** What a subscription to a run knows. */
export class RunSource implements Source<RunView, Received, FollowItem> {
  readonly #transport: Transport;
  readonly #request: Request;
  readonly #position: Position;
  #held: Told[] = [];
  #waiting: ReturnType<typeof setTimeout> | undefined;
  #tree: Tree | null = null;

  constructor(transport: Transport, request: Request) {
    this.#transport = transport;
    this.#request = request;
    const start = request.after ?? (request.from === "start" ? "0" : null);
    this.#position = new Position(request.run, start, request.types !== undefined);
    if (start === "0") this.#tree = new Tree(request.project);
  }

  open(signal: AbortSignal): AsyncIterable<Received> {
    this.#forget();
    signal.addEventListener("abort", () => this.#forget(), { once: true });
    const { cursor, seq } = this.#position;
    const resumed = cursor !== null && seq > 0 ? { after: cursor, from: undefined } : {};
    return this.#transport.open({ ...this.#request, ...resumed }, signal);
  }

  take(received: Received, fail: (error: MilepostError) => void): Taken<FollowItem> {
    switch (received.type) {
      case "event":
        return this.#event(received, fail);
      case "snapshot":
        this.#forget();
        this.#tree = Tree.from(received.snapshot);
        this.#position.jump(received.cursor, received.snapshot.stream);
        return { items: [received], forward: true };
      case "moved":
        return this.#skip(received.cursor);
      case "caught_up":
        return this.#arrive(received.cursor, fail) ? { items: [received], status: "live" } : {};
      case "end":
        return this.#arrive(received.cursor, fail) ? { items: [received], status: "ended" } : {};
      case "reset":
        this.#forget();
        return { items: [received] };
    }
  }

  view(status: ConnectionStatus, error: MilepostError | null): RunView {
    const { seq, cursor } = this.#position;
    return { snapshot: this.#snapshot, seq, cursor: seq > 0 ? cursor : null, status, error };
  }

  summary(): FollowItem[] {
    const snapshot = this.#snapshot;
    const reset: FollowItem = { type: "reset", reason: "too_slow" };
    return snapshot === null ? [reset] : [reset, { type: "snapshot", snapshot, cursor: snapshot.cursor }];
  }

  get #snapshot(): Snapshot | null {
    return this.#tree?.snapshot ?? null;
  }

  #event(told: Told, fail: (error: MilepostError) => void): Taken<FollowItem> {
    const step = this.#position.step(told.event, told.cursor);
    if (step === "known") return {};
    if (step === "foreign") return this.#gap(fail);
    if (step === "early") {
      this.#held.push(told);
      if (this.#held.length > HELD_EVENTS) return this.#gap(fail);
      this.#waiting ??= setTimeout(() => this.#gap(fail), OVERTAKEN_MS);
      return {};
    }
    this.#fold(told);
    return { items: [told, ...this.#overtakers()], forward: true };
  }

  /** What was held and has its turn now. */
  #overtakers(): Told[] {
    if (this.#held.length === 0) return [];
    const items: Told[] = [];
    const held = this.#held.sort((one, other) => one.event.seq - other.event.seq);
    this.#held = held.filter((told) => {
      const step = this.#position.step(told.event, told.cursor);
      if (step === "next") {
        this.#fold(told);
        items.push(told);
      }
      return step === "early";
    });
    if (this.#held.length === 0) this.#forget();
    return items;
  }

  #fold({ event, cursor }: Told): void {
    if (this.#request.types === undefined) this.#tree?.evolve(event, cursor);
  }

  /** Whether everything up to `cursor` was seen, as it should have been. */
  #arrive(cursor: Cursor | null, fail: (error: MilepostError) => void): boolean {
    if (this.#position.lacks(cursor)) {
      this.#gap(fail);
      return false;
    }
    this.#skip(cursor);
    return true;
  }

  #skip(cursor: Cursor | null): Taken<FollowItem> {
    if (cursor === null || !this.#position.skip(cursor)) return {};
    if (this.#request.types === undefined) this.#tree?.move(this.#position.seq, cursor);
    return { forward: true };
  }

  /** Coming back from where everything was in order is all that helps. */
  #gap(fail: (error: MilepostError) => void): Taken<FollowItem> {
    this.#forget();
    fail(unreachable(`events after ${this.#position.cursor} are missing`));
    return {};
  }

  #forget(): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    this.#held = [];
  }
}
