/** Where a viewer of a run stands, and whether what comes next is what has to come next. */

import type { Cursor, MilepostEvent } from "./types.js";

/**
 * What an event is to a position: the `next` one, and the position moved; `known`; `early`, because something before it was not
 * seen; or `foreign`, of another life of the stream.
 */
export type Step = "next" | "known" | "early" | "foreign";

/** A place in a stream that proves from the sequences that nothing is missing. */
export interface Position {
  readonly cursor: Cursor | null;
  readonly seq: number;
  /** Stands where a snapshot of `stream` does. */
  jump(cursor: Cursor, stream: string): void;
  /** Looks at an event, and moves to it if it is the next one. */
  step(event: MilepostEvent, cursor: Cursor): Step;
  /** Whether something up to `cursor`, where the server says to be, was not seen. */
  lacks(cursor: Cursor | null): boolean;
  /** Moves over events that are not for this viewer. False where there is nothing to move over: who sees everything skips nothing. */
  skip(cursor: Cursor): boolean;
}

/** Of a viewer of `run` that has seen everything up to `here`. One that is `filtered` does not get every event. */
export function position(run: string, here: Cursor | null, filtered: boolean): Position {
  /** Whether every sequence is this viewer's business; not before that is known. */
  let isWhole = false;
  const seq = () => (here === null ? 0 : sequence(here));
  const know = (stream: string) => {
    isWhole = !filtered && stream === run;
  };
  return {
    get cursor() {
      return here;
    },

    get seq() {
      return seq();
    },

    jump(cursor, stream) {
      know(stream);
      here = cursor;
    },

    step(event, cursor) {
      know(event.stream);
      if (here !== null) {
        if (epoch(here) && epoch(here) !== epoch(cursor)) return "foreign";
        if (event.seq <= seq()) return "known";
        if (isWhole && (event.coalesced?.from ?? event.seq) > seq() + 1) return "early";
      }
      here = cursor;
      return "next";
    },

    lacks(cursor) {
      return isWhole && cursor !== null && sequence(cursor) > seq();
    },

    skip(cursor) {
      if (isWhole || sequence(cursor) <= seq()) return false;
      here = cursor;
      return true;
    },
  };
}

/** The sequence of a cursor, which is written `<epoch>-<seq>` or `<seq>`. */
export function sequence(cursor: Cursor): number {
  return Number(cursor.split("-").pop());
}

function epoch(cursor: Cursor): string | undefined {
  return cursor.split("-").at(-2);
}
