/** Event streams of the server: opened, watched for silence, and read to their end. */

import { below } from "./abort.js";
import { unreachable } from "./error.js";
import type { Call, Http } from "./http.js";
import { Decoder } from "./sse.js";

/** A frame, its data parsed; null where there is none. */
export interface Frame {
  event: string | null;
  data: unknown;
  id: string | null;
}

/** The longest silence. The server says something every 15 seconds, so two words were lost and the third is late. */
export const SILENCE_MS = 45_000;

/** The frames of the stream at `path`, until the server closes it. A 204 is an `end`: nothing follows what was seen already. */
export async function* stream(
  http: Http,
  path: string,
  call: Call,
  signal: AbortSignal,
): AsyncGenerator<Frame, void> {
  const reading = below(signal);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => reading.abort(unreachable("nothing was heard for too long")), SILENCE_MS);
  };
  heard();
  try {
    const headers = { Accept: "text/event-stream", ...call.headers };
    const response = await http.request(path, { ...call, headers, signal: reading.signal });
    if (response.status === 204) yield { event: "end", data: null, id: null };
    const reader = response.body?.getReader();
    // To abort the fetch is not enough: in Node a read may wait for ever then.
    reading.signal.addEventListener("abort", () => reader?.cancel().catch(() => undefined));
    const text = new TextDecoder();
    const decoder = new Decoder();
    while (!reading.signal.aborted) {
      const { value } = (await reader?.read()) ?? {};
      if (value === undefined) break;
      heard();
      for (const { event = null, data = "null", id = null } of decoder.push(
        text.decode(value, { stream: true }),
      )) {
        yield { event, data: JSON.parse(data), id };
      }
    }
    if (reading.signal.aborted) throw reading.signal.reason;
  } catch (error) {
    throw unreachable(error, reading.signal);
  } finally {
    clearTimeout(timer);
    // Whoever leaves early has no use for the rest.
    reading.abort();
  }
}
