/** Event streams of the server: opened, watched for silence, and read to their end. */

import { MilepostError } from "./error.js";
import { type Call, type Http, unreachable } from "./http.js";
import { type Frame, frames } from "./sse.js";

/** The longest silence. The server says something every 15 seconds, so two words were lost and the third is late. */
export const SILENCE_MS = 45_000;

/** The frame that stands for a 204: nothing follows what was seen already. */
export const FINISHED: Frame = { event: "end", data: null, id: null };

/** The frames of the stream at `path`, until the server closes it. */
export async function* stream(
  http: Http,
  path: string,
  call: Call,
  signal: AbortSignal,
): AsyncGenerator<Frame, void> {
  const silence = new AbortController();
  const give = () => silence.abort(signal.reason);
  signal.addEventListener("abort", give, { signal: silence.signal });
  if (signal.aborted) give();
  const late = () => silence.abort(MilepostError.unreachable("nothing was heard for too long"));
  let timer = setTimeout(late, SILENCE_MS);
  try {
    const headers = { Accept: "text/event-stream", ...call.headers };
    const response = await http.request(path, { ...call, headers, signal: silence.signal });
    if (response.status === 204 || response.body === null) {
      yield FINISHED;
      return;
    }
    for await (const frame of frames(response.body)) {
      clearTimeout(timer);
      timer = setTimeout(late, SILENCE_MS);
      yield frame;
    }
  } catch (error) {
    throw unreachable(error, silence.signal);
  } finally {
    clearTimeout(timer);
    silence.abort(null);
  }
}
