/** Whatever the network does, a viewer comes to the same state, and is told every event once and in order. */

import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeServer } from "../../testing/fake.js";
import { at, log, snapshotOf } from "../../testing/story.js";
import { MilepostClient, type MilepostEvent, Tree } from "../src/index.js";
import { patched } from "../src/json_patch.js";
import { Decoder } from "../src/sse.js";

const amount = fc.option(fc.integer({ min: 0, max: 20 }), { nil: null });
const member = fc.constantFrom("a", "b", "c");

/** Something that a run of the tree says. A fold refuses nothing, so it need not make sense. */
const told = fc.oneof(
  fc.record({
    type: fc.constant("run.progressed" as const),
    run: member,
    data: fc.record({ current: amount, total: amount, stage: fc.option(fc.string(), { nil: null }) }),
  }),
  fc.record({
    type: fc.constant("message.appended" as const),
    run: member,
    data: fc.record({ message: member, content: fc.string({ unit: "grapheme" }), final: fc.boolean() }),
  }),
  fc.record({
    type: fc.constant("run.completed" as const),
    run: member,
    data: fc.record({ result: fc.jsonValue() }),
  }),
  fc.record({ type: fc.constant("run.started" as const), run: member, data: fc.constant({}) }),
  fc.record({
    type: fc.constant("state.updated" as const),
    run: member,
    data: fc.record({ key: fc.oneof(member, fc.constant("__proto__")), value: fc.jsonValue() }),
  }),
  fc.record({
    type: fc.constant("artifact.appended" as const),
    run: member,
    data: fc.record({ artifact: member, chunk: fc.string() }),
  }),
);

/** As it comes over the wire. */
function sent<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value));
}

const story = fc.array(told, { maxLength: 40 }).map((rest) => {
  const events = log("a", [
    { type: "run.created", data: { kind: "root" } },
    { type: "run.created", run: "b", data: { kind: "part", parent: "a", weight: 3 } },
    { type: "run.created", run: "c", data: { kind: "part", parent: "b" } },
    ...rest,
  ]);
  return sent(events);
});

function fold(tree: Tree, events: readonly MilepostEvent[]): Tree {
  for (const event of events) tree.evolve(event, at(event.seq));
  return tree;
}

test("to fold from a snapshot on is to fold from the beginning", () => {
  fc.assert(
    fc.property(story, fc.nat(), (events, somewhere) => {
      const cut = 1 + (somewhere % events.length);
      // As it comes over the wire, and not sharing anything.
      const snapshot = sent(snapshotOf(events.slice(0, cut)));
      const resumed = fold(Tree.from(snapshot), events.slice(cut)).snapshot;
      expect(resumed).toStrictEqual(snapshotOf(events));
    }),
    { numRuns: 200 },
  );
});

test("the fraction of a run never falls within an attempt", () => {
  fc.assert(
    fc.property(story, (events) => {
      const tree = new Tree("default");
      const shown = new Map<string, number>();
      for (const event of events) {
        tree.evolve(event, at(event.seq));
        if (event.type === "run.started") shown.delete(event.run);
        for (const { id, progress } of tree.snapshot?.runs ?? []) {
          expect(progress.fraction ?? 0).toBeGreaterThanOrEqual(shown.get(id) ?? 0);
          if (progress.fraction !== null) shown.set(id, progress.fraction);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("text may be cut anywhere", () => {
  const frame = fc.record({
    id: fc.stringMatching(/^[a-z0-9-]{1,8}$/),
    data: fc.array(fc.stringMatching(/^[^\r\n]*$/), { minLength: 1 }),
  });
  const end = fc.constantFrom("\n", "\r\n", "\r");
  fc.assert(
    fc.property(fc.array(frame), end, fc.array(fc.nat({ max: 30 })), (frames, end, cuts) => {
      const lines = frames.flatMap(({ id, data }) => [
        `id: ${id}`,
        ":",
        ...data.map((line) => `data: ${line}`),
        "",
      ]);
      // What follows the last frame completes it, where lines end with a CR.
      let rest = `${lines.map((line) => line + end).join("")}:`;
      const decoder = new Decoder();
      const seen = [];
      for (const cut of cuts) {
        seen.push(...decoder.push(rest.slice(0, cut)));
        rest = rest.slice(cut);
      }
      seen.push(...decoder.push(rest));
      expect(seen).toStrictEqual(frames.map(({ id, data }) => ({ id, data: data.join("\n") })));
    }),
  );
});

test("a patch leaves what it is applied to as it is, and nothing but its document", () => {
  const pointer = fc.array(fc.constantFrom("a", "b", "0", "1", "-", "__proto__", "constructor", "~0"), {
    maxLength: 3,
  });
  const operation = fc.record({
    op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test"),
    path: pointer.map((tokens) => tokens.map((token) => `/${token}`).join("")),
    from: pointer.map((tokens) => tokens.map((token) => `/${token}`).join("")),
    value: fc.jsonValue(),
  });
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(operation, { maxLength: 5 }), (document, operations) => {
      const before = JSON.stringify(document);
      try {
        patched(document, operations);
      } catch {
        // The server would have refused it.
      }
      expect(JSON.stringify(document)).toBe(before);
      expect(Object.keys(Object.prototype)).toStrictEqual([]);
    }),
    { numRuns: 500 },
  );
});

/** What happens to a connection: some events arrive, some of them twice or in another order; then it may break. */
const network = fc.array(
  fc.record({
    count: fc.integer({ min: 0, max: 8 }),
    again: fc.integer({ min: 0, max: 3 }),
    swapped: fc.boolean(),
    breaks: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("over any network every event is told once, in order, and the state is the server's", async () => {
  await fc.assert(
    fc.asyncProperty(story, network, async (events, happenings) => {
      const server = new FakeServer();
      const client = new MilepostClient({ url: "http://fake", fetch: server.fetch, transport: "sse" });
      const seen: MilepostEvent[] = [];
      const subscription = client.follow("a", { from: "start", onEvent: (event) => seen.push(event) });
      await vi.advanceTimersByTimeAsync(0);
      const send = (batch: readonly MilepostEvent[]) => {
        for (const event of batch) server.last.frame({ id: at(event.seq), data: event });
      };
      // A server goes on from the cursor that a connection came with.
      const next = () =>
        Number(new URL(server.last.request.url).searchParams.get("after")?.split("-")[1] ?? 0);
      let sent = 0;
      for (const { count, again, swapped, breaks } of happenings) {
        const batch = events.slice(Math.max(sent - again, 0), sent + count);
        send(swapped ? [...batch].reverse() : batch);
        sent = Math.min(sent + count, events.length);
        await vi.advanceTimersByTimeAsync(0);
        if (!breaks) continue;
        server.last.break();
        await vi.advanceTimersByTimeAsync(15_000);
        sent = next();
      }
      send(events.slice(sent));
      server.last.frame({ event: "end", id: at(events.length), data: {} });
      await vi.advanceTimersByTimeAsync(0);
      expect(seen).toStrictEqual(events);
      expect(subscription.state.status).toBe("ended");
      expect(subscription.state.snapshot).toStrictEqual(snapshotOf(events));
    }),
    { numRuns: 100 },
  );
});
