/** Calls to the server: addresses, tokens, refusals. */

import { MilepostError, unreachable } from "./error.js";
import type { Problem } from "./generated.js";

/** A token, or what gets one. It is called again when the server refuses the last one. */
export type Token = string | (() => string | Promise<string>);

/** What a call says. Members of `query` that are undefined are left out. */
export interface Call {
  method?: "GET" | "POST" | "DELETE";
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  json?: unknown;
  signal?: AbortSignal | undefined;
}

export class Http {
  readonly #base: string;
  readonly #fetch: typeof fetch;
  readonly #token: Token | undefined;
  #current: Promise<string> | undefined;

  constructor(url: string | undefined, token: Token | undefined, fetcher: typeof fetch | undefined) {
    const base = url ?? globalThis.location?.origin;
    if (base === undefined)
      throw new TypeError("outside of a page, the client needs the `url` of the server");
    this.#base = base.replace(/\/?$/, "/");
    this.#token = token;
    // A browser's fetch wants to be called on its window.
    this.#fetch = fetcher ?? ((...call) => globalThis.fetch(...call));
  }

  /** The address of `path`, which is relative to that of the server. */
  url(path: string, query: Call["query"] = {}): URL {
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, `${value}`);
    }
    return url;
  }

  /** The token to send; undefined where there is none. Many may ask; it is got once. */
  token(): Promise<string | undefined> {
    const token = this.#token;
    if (typeof token !== "function") return Promise.resolve(token);
    this.#current ??= (async () => token())();
    return this.#current;
  }

  /** Forgets a token that does not do. */
  refuse(token: Promise<string | undefined>): void {
    if (this.#current === token) this.#current = undefined;
  }

  /**
   * The answer to a call, if it is no refusal. A 401 asks for another token and tries once more.
   *
   * @throws {MilepostError} what the server refused with, or `unreachable`.
   */
  async request(path: string, call: Call = {}): Promise<Response> {
    const token = this.token();
    const response = await this.#send(path, call, token);
    if (response.status !== 401 || typeof this.#token !== "function") return checked(response);
    this.refuse(token);
    return checked(await this.#send(path, call, this.token()));
  }

  /** The JSON of an answer. */
  async json<Answer>(path: string, call: Call = {}): Promise<Answer> {
    const response = await this.request(path, call);
    return response.json().catch((error) => {
      throw unreachable(error, call.signal);
    });
  }

  async #send(path: string, call: Call, token: Promise<string | undefined>): Promise<Response> {
    const { method = "GET", query, json, signal = null } = call;
    try {
      const headers = new Headers(call.headers);
      const known = await token;
      if (known !== undefined) headers.set("Authorization", `Bearer ${known}`);
      if (json !== undefined) headers.set("Content-Type", "application/json");
      return await this.#fetch(this.url(path, query), {
        method,
        headers,
        signal,
        body: JSON.stringify(json) ?? null,
      });
    } catch (error) {
      this.refuse(token);
      throw unreachable(error, call.signal);
    }
  }
}

async function checked(response: Response): Promise<Response> {
  const { ok, status, statusText } = response;
  if (ok) return response;
  const problem: Problem = await response.json().catch(() => ({}));
  if (problem.code !== undefined) throw MilepostError.of(problem);
  throw new MilepostError(`http_${status}`, `the answer was ${status} ${statusText}`, { status });
}
