/** The log of a stream by sequence: pages are fetched as they are looked at, and forgotten when there are many. */
import type { Event, MilepostClient } from "@milepost/client";

export const PAGE = 200;
/** 10 000 events; more than anybody sees at a time, and a bound on what a long log costs. */
const PAGES_KEPT = 50;

interface Page {
  events: Event[];
  /** The head for which it was fetched last: a page at the end of the log is fetched again when that moved. */
  asOf: number;
  loading: boolean;
}

export class EventPages {
  readonly #client: Pick<MilepostClient, "events">;
  readonly #run: string;
  /** In the order of use, the latest last. */
  readonly #pages = new Map<number, Page>();
  readonly #listeners = new Set<() => void>();
  /** Counts changes, for whoever draws. */
  version = 0;
  error: Error | null = null;

  constructor(client: Pick<MilepostClient, "events">, run: string) {
    this.#client = client;
    this.#run = run;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The event with this sequence, if it is here. Sequences are contiguous, so its place follows from its number. */
  at(seq: number): Event | undefined {
    return this.#pages.get(pageOf(seq))?.events[(seq - 1) % PAGE];
  }

  /** Sees to it that the sequences `from` to `to` of a log that ends at `head` come. */
  want(from: number, to: number, head: number): void {
    for (let number = pageOf(Math.max(1, from)); number <= pageOf(Math.min(to, head)); number += 1) {
      const page = this.#pages.get(number) ?? { events: [], asOf: 0, loading: false };
      this.#pages.delete(number);
      this.#pages.set(number, page);
      const whole = page.events.length === PAGE;
      if (!page.loading && !whole && page.asOf < head) void this.#load(number, page, head);
    }
    for (const number of this.#pages.keys()) {
      if (this.#pages.size <= PAGES_KEPT) break;
      this.#pages.delete(number);
    }
  }

  async #load(number: number, page: Page, head: number): Promise<void> {
    page.loading = true;
    try {
      const after = number * PAGE + page.events.length;
      const { events } = await this.#client.events(this.#run, {
        after: String(after),
        limit: PAGE - page.events.length,
      });
      page.events = [...page.events, ...events];
      page.asOf = head;
      this.error = null;
    } catch (error) {
      this.error = error instanceof Error ? error : new Error(String(error));
    } finally {
      page.loading = false;
      this.version += 1;
      for (const listener of this.#listeners) listener();
    }
  }
}

function pageOf(seq: number): number {
  return Math.floor((seq - 1) / PAGE);
}
