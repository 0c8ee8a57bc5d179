/** Server-Sent Events, read from the body of a fetch. */

/** One frame. A frame without data only moves the cursor; a frame without anything is a sign of life. */
export interface Frame {
  /** The value of `event:`, empty where there is none. */
  event: string;
  /** The value of `data:`; null where there is none. */
  data: string | null;
  /** The value of `id:` of this frame; null where there is none. */
  id: string | null;
}

const SILENT: Frame = { event: "", data: null, id: null };

/** Cuts text into frames as it comes. Lines may end with LF, CRLF or CR, and may be cut anywhere. */
export class Decoder {
  #rest = "";
  #frame: Frame = { ...SILENT };
  #begun = false;

  /** The frames that `text` completes. A comment comes out as an empty frame: the server lives. */
  push(text: string): Frame[] {
    const frames: Frame[] = [];
    let buffer = this.#rest + text;
    if (!this.#begun && buffer !== "") {
      this.#begun = true;
      if (buffer.startsWith("\uFEFF")) buffer = buffer.slice(1);
    }
    const ends = /\r\n|\n|\r/g;
    let start = 0;
    for (let end = ends.exec(buffer); end !== null; end = ends.exec(buffer)) {
      // A CR at the very end may be the first half of a CRLF.
      if (end[0] === "\r" && ends.lastIndex === buffer.length) break;
      this.#line(buffer.slice(start, end.index), frames);
      start = ends.lastIndex;
    }
    this.#rest = buffer.slice(start);
    return frames;
  }

  #line(line: string, frames: Frame[]): void {
    const frame = this.#frame;
    if (line === "") {
      if (frame.data !== null || frame.id !== null) frames.push(frame);
      this.#frame = { ...SILENT };
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) {
      frames.push(SILENT);
      return;
    }
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") frame.data = frame.data === null ? value : `${frame.data}\n${value}`;
    else if (name === "event") frame.event = value;
    else if (name === "id" && !value.includes("\0")) frame.id = value;
  }
}

/** The frames of a body, until it ends. */
export async function* frames(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame, void> {
  const reader = body.getReader();
  const text = new TextDecoder();
  const decoder = new Decoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* decoder.push(text.decode(value, { stream: true }));
    }
  } finally {
    // The body is of no use any more, whether it ended, broke, or was left early.
    reader.cancel().catch(() => undefined);
  }
}
