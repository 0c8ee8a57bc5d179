/** Server-Sent Events, cut out of text. */

/** The fields of one frame; undefined where it does not have them. One without data only moves the cursor. */
export type Fields = Partial<Record<"event" | "data" | "id", string>>;

/** Cuts text into frames as it comes. Lines end with LF, CRLF or CR; the text may be cut anywhere. */
export class Decoder {
  #rest = "";
  #fields: Fields = {};

  /** The frames that `text` completes. */
  *push(text: string): Generator<Fields, void> {
    // A CR at the very end may be the first half of a CRLF.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const fields = this.#fields;
      const [, name, value = ""] = /^(.*?)(?:: ?(.*))?$/.exec(line) ?? [];
      if (name === "data") fields.data = fields.data === undefined ? value : `${fields.data}\n${value}`;
      else if (name === "event" || name === "id") fields[name] = value;
      else if (line === "") {
        this.#fields = {};
        if (fields.data !== undefined || fields.id !== undefined) yield fields;
      }
    }
  }
}
