import type { Event } from "@milepost/client";
import { expect, test } from "vitest";
import { EventPages, PAGE } from "./event_pages";

/** A log of `head` events that notes what it was asked for. */
function log(state: { head: number }) {
  const asked: string[] = [];
  const events = async (_run: string, options?: { after?: string; limit?: number }) => {
    const after = Number(options?.after);
    const limit = options?.limit ?? 0;
    asked.push(`${after}+${limit}`);
    const length = Math.max(0, Math.min(limit, state.head - after));
    return {
      events: Array.from({ length }, (_, index) => ({ seq: after + index + 1 }) as Event),
      next: "",
      head: "",
    };
  };
  return { asked, pages: new EventPages({ events } as never, "r") };
}

const settled = (pages: EventPages) => new Promise<void>((resolve) => pages.subscribe(resolve));

test("what is looked at is fetched, once", async () => {
  const { asked, pages } = log({ head: 1000 });
  pages.want(150, 160, 1000);
  pages.want(150, 160, 1000);
  await settled(pages);
  pages.want(1, 10, 1000);
  expect(asked).toEqual([`0+${PAGE}`]);
  expect(pages.at(150)?.seq).toBe(150);
  expect(pages.at(201)).toBeUndefined();
});

test("the end of the log grows", async () => {
  const state = { head: 250 };
  const { asked, pages } = log(state);
  pages.want(240, 250, 250);
  await settled(pages);
  state.head = 253;
  pages.want(244, 253, 253);
  await settled(pages);
  expect(asked).toEqual(["200+200", "250+150"]);
  expect(pages.at(253)?.seq).toBe(253);
});

test("a long log does not pile up", async () => {
  const { pages } = log({ head: 100_000 });
  for (let seq = 1; seq < 100_000; seq += PAGE) {
    pages.want(seq, seq, 100_000);
    await settled(pages);
  }
  expect(pages.at(1)).toBeUndefined();
  expect(pages.at(99_999)?.seq).toBe(99_999);
});
