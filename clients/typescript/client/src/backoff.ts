/** When to try again. */

/** The first pause, before jitter. Short, because most losses are restarts and changes of network. */
const FIRST_MS = 250;

/** The longest pause, before jitter. */
const LAST_MS = 15_000;

/** Pauses that double, each between half and the whole of its length, so that many clients do not come back at once. */
export class Backoff {
  #next = FIRST_MS;

  /** The next pause in milliseconds. */
  next(): number {
    const pause = this.#next * (0.5 + Math.random() / 2);
    this.#next = Math.min(this.#next * 2, LAST_MS);
    return pause;
  }

  /** Begins anew: something went well. */
  reset(): void {
    this.#next = FIRST_MS;
  }
}
