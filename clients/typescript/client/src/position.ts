/** Where a viewer of a run stands, and whether what comes next is what has to come next. */

import type { Cursor, MilepostEvent } from "./types.js";

/**
 * What an event is to a position: the `next` one, and the position moved; `known`; `early`, because something before it was not
 * seen; or `foreign`, of another life of the stream.
 */
export type Step = "next" | "known" | "early" | "foreign";

/** Proves from the sequences that nothing is missing. */
export class Position {
  #cursor: Cursor | null;
  /** Whether every sequence is this viewer's business. Null before that is known. */
  #whole: boolean | null;
  readonly #run: string;
  readonly #filtered: boolean;

  /** A viewer of `run` that has seen everything up to `start`. One that is `filtered` does not get every event. */
  constructor(run: string, start: Cursor | null, filtered: boolean) {
    this.#run = run;
    this.#cursor = start;
    this.#filtered = filtered;
    this.#whole = filtered ? false : null;
  }

  get cursor(): Cursor | null {
    return this.#cursor;
  }

  get seq(): number {
    return this.#cursor === null ? 0 : sequence(this.#cursor);
  }

  /** Stands where a snapshot of `stream` does. */
  jump(cursor: Cursor, stream: string): void {
    this.#know(stream);
    this.#cursor = cursor;
  }

  /** Looks at an event, and moves to it if it is the next one. */
  step({ seq, stream, coalesced }: MilepostEvent, cursor: Cursor): Step {
    this.#know(stream);
    if (this.#cursor !== null) {
      if (epoch(this.#cursor) !== "" && epoch(cursor) !== epoch(this.#cursor)) return "foreign";
      if (seq <= this.seq) return "known";
      if (this.#whole && (coalesced?.from ?? seq) > this.seq + 1) return "early";
    }
    this.#cursor = cursor;
    return "next";
  }

  /** Whether something up to `cursor`, where the server says to be, was not seen. */
  lacks(cursor: Cursor | null): boolean {
    return this.#whole === true && cursor !== null && sequence(cursor) > this.seq;
  }

  /** Moves over events that are not for this viewer. False where there is nothing to move over: who sees everything skips nothing. */
  skip(cursor: Cursor): boolean {
    if (this.#whole || sequence(cursor) <= this.seq) return false;
    this.#cursor = cursor;
    return true;
  }

  #know(stream: string): void {
    this.#whole = !this.#filtered && stream === this.#run;
  }
}

/** The sequence of a cursor, which is written `<epoch>-<seq>` or `<seq>`. */
export function sequence(cursor: Cursor): number {
  return Number(cursor.slice(cursor.indexOf("-") + 1));
}

function epoch(cursor: Cursor): string {
  return cursor.slice(0, Math.max(cursor.indexOf("-"), 0));
}
