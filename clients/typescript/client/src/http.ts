/** Calls to the server: addresses, tokens, refusals. */

import { MilepostError } from "./error.js";
import type { Problem } from "./generated.js";

/** A token, or what gets one. It is called again when the server refuses the last one. */
export type Token = string | (() => string | Promise<string>);

/** What a call says. Members of `query` that are undefined are left out. */
export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: BodyInit;
  signal?: AbortSignal | undefined;
}

export class Http {
  readonly #base: URL;
  readonly #fetch: typeof fetch;
  readonly #token: Token | undefined;
  #current: Promise<string> | null = null;

  constructor(url: string | undefined, token: Token | undefined, fetcher: typeof fetch | undefined) {
    const base = url ?? globalThis.location?.origin;
    if (base === undefined)
      throw new TypeError("there is no page whose server is meant: give the `url` of the server");
    this.#base = new URL(base.endsWith("/") ? base : `${base}/`);
    this.#token = token;
    // A browser's fetch wants to be called on its window.
    this.#fetch = fetcher ?? ((...call) => globalThis.fetch(...call));
  }

  /** The address of `path`, which is relative to that of the server. */
  url(path: string, query: Call["query"] = {}): URL {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url;
  }

  /** The token to send; null where there is none. `stale` is one that does not do any more. */
  async token(stale?: string | null): Promise<string | null> {
    if (this.#token === undefined) return null;
    if (typeof this.#token === "string") return this.#token;
    const current = this.#current;
    if (current !== null && (await current.catch(() => stale)) !== stale) return current;
    // Others may have asked meanwhile; one question is enough.
    if (this.#current === current) this.#current = Promise.resolve(this.#token());
    return this.#current;
  }

  /**
   * The answer to a call, if it is no refusal. A 401 asks for another token and tries once more.
   *
   * @throws {MilepostError} what the server refused with, or `unreachable`.
   */
  async request(path: string, call: Call = {}): Promise<Response> {
    const token = await this.token();
    const response = await this.#send(path, call, token);
    if (response.status !== 401 || typeof this.#token !== "function") return checked(response);
    await response.body?.cancel();
    return checked(await this.#send(path, call, await this.token(token)));
  }

  /** The JSON of an answer. */
  async json<Answer>(path: string, call: Call = {}): Promise<Answer> {
    const response = await this.request(path, call);
    return parsed(await text(response, call.signal));
  }

  async #send(
    path: string,
    { method = "GET", query, headers, json, body, signal }: Call,
    token: string | null,
  ) {
    const init: RequestInit = { method, headers: { ...headers } };
    const all = init.headers as Record<string, string>;
    if (token !== null) all["Authorization"] = `Bearer ${token}`;
    if (json !== undefined) all["Content-Type"] = "application/json";
    if (json !== undefined) init.body = JSON.stringify(json);
    if (body !== undefined) init.body = body;
    if (signal !== undefined) init.signal = signal;
    try {
      return await this.#fetch(this.url(path, query), init);
    } catch (error) {
      throw unreachable(error, signal);
    }
  }
}

/** The value of JSON text. */
export function parsed<Value>(json: string): Value {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new MilepostError("unintelligible", "the server said something that is no JSON", { cause });
  }
}

/** What broke, unless it was the caller that gave up: then that. */
export function unreachable(error: unknown, signal?: AbortSignal): unknown {
  if (signal?.aborted) return signal.reason;
  return error instanceof MilepostError
    ? error
    : MilepostError.unreachable(`the server cannot be reached: ${error}`, error);
}

async function text(response: Response, signal?: AbortSignal): Promise<string> {
  return response.text().catch((error) => {
    throw unreachable(error, signal);
  });
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const { status } = response;
  const body = await response.text().catch(() => "");
  if (response.headers.get("Content-Type")?.startsWith("application/problem+json")) {
    throw MilepostError.of(parsed<Problem>(body));
  }
  throw new MilepostError(`http_${status}`, `the answer was ${status} ${response.statusText}`.trim(), {
    status,
  });
}
