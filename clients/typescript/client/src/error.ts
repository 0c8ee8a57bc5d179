/** What can go wrong. */

import type { Problem } from "./generated.js";

/** A refusal of the server, or no answer at all. */
export class MilepostError extends Error {
  override readonly name = "MilepostError";
  /** A code of the server's catalogue; `unreachable`, `unintelligible`, or `http_<status>` where it sent none. */
  readonly code: string;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The whole refusal (RFC 9457); null when there was none. */
  readonly problem: Problem | null;

  constructor(
    code: string,
    message: string,
    options: { status?: number; problem?: Problem; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.status = options.status ?? 0;
    this.problem = options.problem ?? null;
  }

  /** Whether the same call may succeed later: no answer, 408, 429, or the server's own trouble (5xx). */
  get isTransient(): boolean {
    return this.code === "unreachable" || this.status >= 500 || this.status === 429 || this.status === 408;
  }

  /** @internal */
  static of(problem: Problem): MilepostError {
    return new MilepostError(problem.code, problem.detail, { status: problem.status, problem });
  }

  /** @internal */
  static unreachable(message: string, cause?: unknown): MilepostError {
    return new MilepostError("unreachable", message, { cause });
  }
}
