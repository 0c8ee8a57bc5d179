/** Texts that grow up to a bound, counted in bytes of UTF-8 as the server counts them. */

/** Bytes of a message or of an artifact's text that a snapshot keeps. */
const KEPT_BYTES = 65_536;

/** A text, and how many bytes of it were left out. */
export interface Grown {
  text: string;
  omitted: number;
}

const encoder = new TextEncoder();

/** Appends what fits, cut between characters. What comes after something that did not fit may fit again. */
export function grown(text: string, more: string, omitted = 0): Grown {
  // No character takes more than three bytes per UTF-16 unit, so short texts need not be counted.
  if ((text.length + more.length) * 3 <= KEPT_BYTES) return { text: text + more, omitted };
  const room = KEPT_BYTES - bytes(text);
  const { read, written } = encoder.encodeInto(more, new Uint8Array(room));
  return { text: text + more.slice(0, read), omitted: omitted + bytes(more) - written };
}

function bytes(text: string): number {
  return encoder.encode(text).length;
}
