/** Following, over connections that break, repeat themselves and leave things out. */

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeServer, problem } from "../../testing/fake.js";
import { at, log, snapshotOf, story } from "../../testing/story.js";
import { type FollowOptions, MilepostClient, type MilepostEvent, type Subscription } from "../src/index.js";

const RUN = "r";
let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
});
afterEach(() => {
  vi.useRealTimers();
});

function follow(options: FollowOptions = {}, token?: () => string): Subscription {
  return new MilepostClient({ url: "http://fake", fetch: server.fetch, transport: "sse", token }).follow(
    RUN,
    options,
  );
}

/** Lets everything happen that has been asked for, and `ms` go by. */
async function settle(ms = 0): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await vi.advanceTimersByTimeAsync(0);
  if (ms > 0) await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 20; turn += 1) await vi.advanceTimersByTimeAsync(0);
}

function send(...events: MilepostEvent[]): void {
  for (const event of events) server.last.frame({ id: at(event.seq), data: event });
}

function query(place = -1): string {
  return new URL(server.requests.at(place)?.url ?? "").search;
}

test("a replay is folded, and its end is the end", async () => {
  const events = story(RUN);
  const seen: number[] = [];
  const statuses: string[] = [];
  const subscription = follow({
    from: "start",
    onEvent: ({ seq }) => seen.push(seq),
    onStatus: (status) => statuses.push(status),
  });
  expect(subscription.state).toMatchObject({ snapshot: null, seq: 0, cursor: null, status: "connecting" });
  await settle();
  expect(query()).toBe("?from=start");
  send(...events);
  server.last.frame({ event: "caught_up", id: at(6), data: { cursor: at(6) } });
  server.last.frame({ event: "end", id: at(6), data: { cursor: at(6) } });
  await settle();
  expect(seen).toStrictEqual([1, 2, 3, 4, 5, 6]);
  expect(statuses).toStrictEqual(["replaying", "live", "ended"]);
  expect(subscription.state).toMatchObject({ seq: 6, cursor: at(6), status: "ended" });
  expect(subscription.state.snapshot).toStrictEqual(snapshotOf(events));
  expect(server.last.isOpen).toBe(false);
  await settle(60_000);
  expect(server.requests.length).toBe(1);
});

test("the state is the same object until something changes, and is never changed afterwards", async () => {
  const subscription = follow({ from: "start" });
  await settle();
  send(...story(RUN).slice(0, 3));
  await settle();
  const before = subscription.state;
  const copy = structuredClone(before);
  expect(subscription.state).toBe(before);
  send(...story(RUN).slice(3));
  await settle();
  expect(subscription.state).not.toBe(before);
  expect(before).toStrictEqual(copy);
  subscription.close();
});

test("what is seen twice is told once", async () => {
  const seen: number[] = [];
  const subscription = follow({ from: "start", onEvent: ({ seq }) => seen.push(seq) });
  await settle();
  const [one, two, three] = story(RUN) as [MilepostEvent, MilepostEvent, MilepostEvent];
  send(one, two, two, one, three, two);
  await settle();
  expect(seen).toStrictEqual([1, 2, 3]);
  subscription.close();
});

test("events that overtake each other are put in order", async () => {
  const seen: number[] = [];
  const subscription = follow({ from: "start", onEvent: ({ seq }) => seen.push(seq) });
  await settle();
  const [one, two, three, four] = story(RUN) as [MilepostEvent, MilepostEvent, MilepostEvent, MilepostEvent];
  send(one, four, three);
  await settle(100);
  expect(seen).toStrictEqual([1]);
  send(two);
  await settle(10_000);
  expect(seen).toStrictEqual([1, 2, 3, 4]);
  expect(server.requests.length).toBe(1);
  subscription.close();
});

test("a gap that stays makes the connection anew, from the last event that was in order", async () => {
  const seen: number[] = [];
  const subscription = follow({ from: "start", onEvent: ({ seq }) => seen.push(seq) });
  await settle();
  const events = story(RUN);
  send(...events.filter(({ seq }) => seq !== 3));
  await settle(250);
  expect(subscription.state.status).toBe("reconnecting");
  expect(subscription.state.error?.message).toContain(`events after ${at(2)} are missing`);
  await settle(250);
  expect(query()).toBe(`?after=${at(2)}`);
  send(...events.slice(2));
  await settle();
  expect(seen).toStrictEqual([1, 2, 3, 4, 5, 6]);
  subscription.close();
});

test("a gap before `caught_up` or `end` is noticed, too", async () => {
  for (const event of ["caught_up", "end"]) {
    const subscription = follow({ from: "start" });
    await settle();
    send(...story(RUN).slice(0, 2));
    server.last.frame({ event, id: at(6), data: { cursor: at(6) } });
    await settle(1_000);
    expect(subscription.state).toMatchObject({ seq: 2, status: "reconnecting" });
    expect(query()).toBe(`?after=${at(2)}`);
    subscription.close();
  }
});

test("coalesced progress is no gap, where it says what it stands for", async () => {
  const seen: number[] = [];
  const subscription = follow({ from: "start", onEvent: ({ seq }) => seen.push(seq) });
  await settle();
  const [one, two, , , five] = story(RUN) as [MilepostEvent, MilepostEvent, unknown, unknown, MilepostEvent];
  send(one, two, { ...five, coalesced: { from: 3 } });
  await settle();
  expect(seen).toStrictEqual([1, 2, 5]);
  expect(subscription.state.seq).toBe(5);
  // One that leaves a hole says so as well: 4 is missing before 5.
  subscription.close();
  const other = follow({ from: "start" });
  await settle();
  send(one, two, { ...five, coalesced: { from: 4 } });
  await settle(10_000);
  expect(other.state.seq).toBe(2);
  other.close();
});

test("what is lost between two connections is asked for, with pauses that grow and never end", async () => {
  vi.spyOn(Math, "random").mockReturnValue(1);
  const subscription = follow({ from: "start" });
  await settle();
  send(...story(RUN).slice(0, 4));
  await settle();
  server.answer = () => Promise.reject(new TypeError("no network"));
  server.last.break();
  await settle();
  expect(subscription.state.status).toBe("reconnecting");
  for (const pause of [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]) {
    const before = server.requests.length;
    await settle(pause - 1);
    expect(server.requests.length, `before ${pause}`).toBe(before);
    await settle(1);
    expect(server.requests.length, `after ${pause}`).toBe(before + 1);
  }
  server.answer = () => null;
  await settle(15_000);
  expect(query()).toBe(`?after=${at(4)}`);
  server.last.frame({ event: "caught_up", id: at(4), data: { cursor: at(4) } });
  await settle();
  expect(subscription.state).toMatchObject({ status: "live", error: null, seq: 4 });
  // All went well, so the next pause is short again.
  server.last.break();
  await settle(250);
  expect(server.connections.length).toBe(3);
  subscription.close();
  vi.restoreAllMocks();
});

test("a pause ends when there is a network again", async () => {
  const page = new EventTarget();
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.spyOn(Math, "random").mockReturnValue(1);
  const subscription = follow();
  await settle();
  server.last.break();
  await settle(100);
  expect(server.requests.length).toBe(1);
  page.dispatchEvent(new Event("online"));
  await settle();
  expect(server.requests.length).toBe(2);
  subscription.close();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

test("pauses differ between clients", async () => {
  const subscription = follow();
  await settle();
  vi.spyOn(Math, "random").mockReturnValue(0);
  server.last.break();
  await settle(124);
  expect(server.requests.length).toBe(1);
  await settle(1);
  expect(server.requests.length).toBe(2);
  vi.restoreAllMocks();
  subscription.close();
});

test("a server that is silent for too long is left", async () => {
  const subscription = follow();
  await settle();
  server.last.text(": heartbeat\n\n");
  await settle(44_999);
  server.last.text(": heartbeat\n\n");
  await settle(44_999);
  expect(server.last.isOpen).toBe(true);
  await settle(1);
  expect(subscription.state).toMatchObject({ status: "reconnecting", error: { code: "unreachable" } });
  subscription.close();
});

test("a reset begins anew with the snapshot that follows", async () => {
  const items: string[] = [];
  const subscription = follow({ after: at(90, "0000dead") });
  const reading = (async () => {
    for await (const item of subscription) items.push(item.type);
  })();
  await settle();
  expect(query()).toBe(`?after=${at(90, "0000dead")}`);
  expect(subscription.state.snapshot).toBeNull();
  const events = story(RUN);
  server.last.frame({ event: "reset", data: { reason: "epoch" } });
  server.last.frame({ event: "snapshot", id: at(4), data: snapshotOf(events.slice(0, 4)) });
  send(...events.slice(4));
  server.last.frame({ event: "end", id: at(6), data: { cursor: at(6) } });
  await settle();
  await reading;
  expect(items).toStrictEqual(["reset", "snapshot", "event", "event", "end"]);
  expect(subscription.state.snapshot).toStrictEqual(snapshotOf(events));
});

test("an event of another life of the stream is no next event", async () => {
  const subscription = follow({ from: "start" });
  await settle();
  const [one, two] = story(RUN) as [MilepostEvent, MilepostEvent];
  send(one);
  server.last.frame({ id: at(2, "0000dead"), data: two });
  await settle(1_000);
  expect(subscription.state.seq).toBe(1);
  expect(query()).toBe(`?after=${at(1)}`);
  subscription.close();
});

test("204 is the end", async () => {
  server.answer = () => new Response(null, { status: 204 });
  const subscription = follow({ after: at(6) });
  await settle();
  expect(subscription.state).toMatchObject({ status: "ended", cursor: at(6) });
  expect(server.requests.length).toBe(1);
});

describe("tokens", () => {
  test("a 401 asks for another token, once, and goes on", async () => {
    const tokens = ["old", "new"];
    server.answer = ({ headers }) =>
      headers.get("Authorization") === "Bearer new" ? null : problem(401, "unauthorized");
    const subscription = follow({}, () => tokens.shift() ?? "none");
    await settle();
    expect(subscription.state.status).toBe("connecting");
    expect(server.connections.length).toBe(1);
    expect(tokens).toStrictEqual([]);
    subscription.close();
  });

  test("many who are refused at once ask once", async () => {
    let asked = 0;
    server.answer = ({ headers }) =>
      headers.get("Authorization") === "Bearer 2" ? null : problem(401, "unauthorized");
    const token = () => `${++asked}`;
    const client = new MilepostClient({ url: "http://fake", fetch: server.fetch, transport: "sse", token });
    const subscriptions = ["a", "b", "c"].map((run) => client.follow(run));
    await settle();
    expect(server.connections.length).toBe(3);
    expect(asked).toBe(2);
    for (const subscription of subscriptions) subscription.close();
  });

  test("a second 401 is a failure", async () => {
    server.answer = () => problem(401, "unauthorized");
    const subscription = follow({}, () => "bad");
    await settle();
    expect(subscription.state).toMatchObject({
      status: "failed",
      error: { code: "unauthorized", status: 401 },
    });
    await settle(60_000);
    expect(server.requests.length).toBe(2);
  });
});

test("a refusal that may pass is tried again, any other is a failure", async () => {
  const cases = [
    [503, "shutting_down", "reconnecting"],
    [429, "too_many_requests", "reconnecting"],
    [404, "run_not_found", "failed"],
    [403, "forbidden", "failed"],
  ] as const;
  for (const [status, code, expected] of cases) {
    server.answer = () => problem(status, code);
    const subscription = follow();
    await settle();
    expect(subscription.state, code).toMatchObject({ status: expected, error: { code, status } });
    subscription.close();
  }
});

test("`types` and `coalesceMs` are asked for; then nothing is folded, and nothing is counted", async () => {
  const subscription = follow({ types: ["artifact.*", "x.mine"], coalesceMs: 500 });
  await settle();
  expect(query()).toBe("?coalesce_ms=500&types=artifact.*%2Cx.mine");
  const events = log(RUN, [
    { type: "run.created", data: { kind: "k" } },
    { type: "run.started", data: {} },
    { type: "run.started", data: {} },
    { type: "x.mine", data: {} },
  ]);
  const snapshot = snapshotOf(events.slice(0, 1));
  server.last.frame({ event: "snapshot", id: at(1), data: snapshot });
  send(events[3] as MilepostEvent);
  server.last.frame({ id: at(9) });
  await settle();
  expect(subscription.state).toMatchObject({ seq: 9, cursor: at(9) });
  expect(subscription.state.snapshot).toStrictEqual(snapshot);
  subscription.close();
});

test("closing closes the connection, and nothing is called afterwards", async () => {
  const seen: string[] = [];
  const closing = new AbortController();
  const subscription = follow({
    signal: closing.signal,
    onEvent: () => seen.push("event"),
    onStatus: (s) => seen.push(s),
  });
  const reading = (async () => {
    for await (const _ of subscription) seen.push("item");
    return "done";
  })();
  await settle();
  closing.abort();
  await settle();
  expect(server.last.isOpen).toBe(false);
  expect(await reading).toBe("done");
  await settle(60_000);
  expect(seen).toStrictEqual([]);
  expect(server.requests.length).toBe(1);
});

test("what a listener throws stops nobody else", async () => {
  const thrown: unknown[] = [];
  const catching = (error: unknown) => thrown.push(error);
  process.on("uncaughtException", catching);
  const others = process.listeners("uncaughtException").filter((listener) => listener !== catching);
  for (const other of others) process.off("uncaughtException", other);
  const subscription = follow({
    from: "start",
    onEvent: () => {
      throw new Error("mine");
    },
  });
  await settle();
  send(...story(RUN).slice(0, 2));
  await settle();
  expect(subscription.state.seq).toBe(2);
  subscription.close();
  for (const other of others) process.on("uncaughtException", other);
  process.off("uncaughtException", catching);
  expect(thrown).toHaveLength(2);
});

test("an iterator that lags too far behind gets a reset and the state instead", async () => {
  const subscription = follow({ from: "start" });
  const iterator = subscription[Symbol.asyncIterator]();
  await settle();
  const events = story(RUN, 10_050);
  send(...events);
  await settle();
  expect(subscription.state.seq).toBe(events.length);
  subscription.close();
  const items = [];
  for await (const item of { [Symbol.asyncIterator]: () => iterator }) items.push(item);
  expect(items[0]).toStrictEqual({ type: "reset", reason: "too_slow" });
  expect(items[1]).toMatchObject({ type: "snapshot", cursor: at(10_001) });
  expect(items.at(-1)).toMatchObject({ type: "event", cursor: at(events.length) });
});
