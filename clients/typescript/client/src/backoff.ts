/** When to try again. */

/** The first pause, before jitter. Short, because most losses are restarts and changes of network. */
const FIRST_MS = 250;

/** The longest pause, before jitter. */
const LAST_MS = 15_000;

/** The pause after `failures` in a row: each doubles, and is between half and the whole of its length, so that many clients do not come back at once. */
export function backoff(failures: number): number {
  return Math.min(FIRST_MS * 2 ** failures, LAST_MS) * (0.5 + Math.random() / 2);
}
