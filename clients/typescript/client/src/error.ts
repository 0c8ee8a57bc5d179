/** What can go wrong. */

import type { Problem } from "./generated.js";

/** A refusal of the server, or no answer at all. */
export class MilepostError extends Error {
  override readonly name = "MilepostError";
  /** A code of the server's catalogue; `unreachable` where there was no answer, `http_<status>` where it had no code. */
  readonly code: string;
  /** The HTTP status; 0 when there was no answer. */
  readonly status: number;
  /** The whole refusal (RFC 9457); null when there was none. */
  readonly problem: Problem | null;

  constructor(
    code: string,
    message: string,
    {
      status = 0,
      problem = null,
      cause,
    }: { status?: number; problem?: Problem | null; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.code = code;
    this.status = status;
    this.problem = problem;
  }

  /** Whether the same call may succeed later: no answer, 408, 429, or the server's own trouble (5xx). */
  get isTransient(): boolean {
    return [0, 408, 429].includes(this.status) || this.status >= 500;
  }

  /** @internal */
  static of(problem: Problem): MilepostError {
    return new MilepostError(problem.code, problem.detail, { status: problem.status, problem });
  }
}

/** What broke, as an error of ours; or why `signal` was aborted, where it was. */
export function unreachable<Reason>(error: unknown, signal?: AbortSignal): MilepostError | Reason {
  if (signal?.aborted) return signal.reason;
  return error instanceof MilepostError
    ? error
    : new MilepostError("unreachable", `${error}`, { cause: error });
}
