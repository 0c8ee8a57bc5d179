/** Calls to the server: addresses, tokens, refusals. */

import { MilepostError, unreachable } from "./error.js";
import type { Problem } from "./generated.js";

/** A token, or what gets one. It is called again when the server refuses the last one. */
export type Token = string | (() => string | Promise<string>);

/** What a call says. Members of `query` and `headers` that are undefined are left out. */
export interface Call {
  method?: "GET" | "POST";
  query?: Record<string, string | number | undefined>;
  headers?: Record<string, string | undefined>;
  /** Sent as JSON. */
  json?: unknown;
  signal?: AbortSignal | undefined;
}

/** A server. */
export interface Http {
  /** The address of `path`, which is relative to that of the server. */
  url(path: string, query?: Call["query"]): URL;
  /** The token to send; undefined where there is none. Many may ask; it is got once. */
  token(): Promise<string | undefined>;
  /** Forgets a token that does not do. */
  refuse(token: Promise<string | undefined>): void;
  /**
   * The answer to a call, if it is no refusal. A 401 asks for another token and tries once more.
   *
   * @throws {MilepostError} what the server refused with, or `unreachable`.
   */
  request(path: string, call?: Call): Promise<Response>;
  /** The JSON of an answer. */
  json<Answer>(path: string, call?: Call): Promise<Answer>;
}

/** The server at `url`, that of the page where absent. */
export function http(
  url: string | undefined,
  source: Token | undefined,
  fetcher: typeof fetch | undefined,
): Http {
  const base = (url ?? globalThis.location?.origin)?.replace(/\/?$/, "/");
  if (base === undefined) throw new TypeError("outside of pages, give a `url`");
  let current: Promise<string> | undefined;

  async function send(path: string, call: Call, token: Promise<string | undefined>): Promise<Response> {
    const { method = "GET", query, json, signal } = call;
    try {
      const known = await token;
      const headers = given({
        ...call.headers,
        Authorization: known && `Bearer ${known}`,
        "Content-Type": json && "application/json",
      });
      const init = { method, headers, signal, body: JSON.stringify(json) } as RequestInit;
      return await (fetcher ?? fetch)(self.url(path, query), init);
    } catch (error) {
      throw unreachable(error, signal);
    }
  }

  const self: Http = {
    url(path, query = {}) {
      const url = new URL(path, base);
      url.search = new URLSearchParams(given(query)).toString();
      return url;
    },

    token() {
      if (typeof source !== "function") return Promise.resolve(source);
      if (current === undefined) {
        const token = (async () => source())();
        current = token;
        token.catch(() => self.refuse(token));
      }
      return current;
    },

    refuse(token) {
      if (current === token) current = undefined;
    },

    async request(path, call = {}) {
      const token = self.token();
      const response = await send(path, call, token);
      if (response.status !== 401 || typeof source !== "function") return checked(response);
      self.refuse(token);
      return checked(await send(path, call, self.token()));
    },

    async json(path, call = {}) {
      const response = await self.request(path, call);
      return response.json().catch((error) => {
        throw unreachable(error, call.signal);
      });
    },
  };
  return self;
}

async function checked(response: Response): Promise<Response> {
  const { ok, status, statusText } = response;
  if (ok) return response;
  const problem: Problem = await response.json().catch(() => ({}));
  if (problem.code !== undefined) throw MilepostError.of(problem);
  throw new MilepostError(`http_${status}`, `${status} ${statusText}`, { status });
}

/** The members that are not undefined, as text. */
function given(members: object = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}
