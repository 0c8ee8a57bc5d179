/** One WebSocket for many subscriptions, and what is done where there can be none. */

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeServer } from "../../testing/fake.js";
import { at, snapshotOf, story } from "../../testing/story.js";
import { type ClientOptions, MilepostClient, type WebSocketLike } from "../src/index.js";

class FakeSocket implements WebSocketLike {
  static all: FakeSocket[] = [];
  static refused = false;
  readonly url: string;
  readonly said: { op: string; sub: string; run: string; after?: string }[] = [];
  isOpen = false;
  onopen: WebSocketLike["onopen"] = null;
  onclose: WebSocketLike["onclose"] = null;
  onerror: WebSocketLike["onerror"] = null;
  onmessage: WebSocketLike["onmessage"] = null;

  constructor(url: string) {
    this.url = url;
    FakeSocket.all.push(this);
    setTimeout(() => {
      this.isOpen = !FakeSocket.refused;
      (FakeSocket.refused ? this.onerror : this.onopen)?.({} as never);
    });
  }

  send(data: string): void {
    this.said.push(JSON.parse(data));
  }

  close(): void {
    this.isOpen = false;
  }

  hear(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) } as never);
  }

  lose(): void {
    this.isOpen = false;
    this.onclose?.({} as never);
  }

  static get last(): FakeSocket {
    const last = FakeSocket.all.at(-1);
    if (last === undefined) throw new Error("nobody has connected");
    return last;
  }
}

let server: FakeServer;
beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  FakeSocket.refused = false;
  server = new FakeServer();
});
afterEach(() => {
  vi.useRealTimers();
});

function client(options: Partial<ClientOptions> = {}): MilepostClient {
  return new MilepostClient({
    url: "http://fake/base",
    fetch: server.fetch,
    WebSocket: FakeSocket,
    ...options,
  });
}

async function settle(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
  await vi.advanceTimersByTimeAsync(ms);
  await vi.advanceTimersByTimeAsync(0);
}

test("subscriptions share one socket, and each gets its own", async () => {
  const milepost = client({ token: "a b" });
  const one = milepost.follow("one");
  const two = milepost.follow("two", { project: "p", coalesceMs: 20, types: ["run.*"] });
  await settle();
  expect(FakeSocket.all.length).toBe(1);
  expect(FakeSocket.last.url).toBe("ws://fake/base/v1/ws?access_token=a+b");
  expect(FakeSocket.last.said).toStrictEqual([
    { op: "subscribe", sub: "s1", project: "default", run: "one" },
    { op: "subscribe", sub: "s2", project: "p", run: "two", coalesce_ms: 20, types: ["run.*"] },
  ]);
  const events = story("one");
  FakeSocket.last.hear({ op: "snapshot", sub: "s1", cursor: at(2), data: snapshotOf(events.slice(0, 2)) });
  FakeSocket.last.hear({ op: "event", sub: "s1", cursor: at(3), data: events[2] });
  FakeSocket.last.hear({ op: "caught_up", sub: "s1", cursor: at(3) });
  await settle();
  expect(one.state).toMatchObject({ seq: 3, status: "live" });
  expect(two.state).toMatchObject({ seq: 0, status: "connecting" });
  one.close();
  await settle();
  expect(FakeSocket.last.said.at(-1)).toStrictEqual({ op: "unsubscribe", sub: "s1" });
  two.close();
  await settle(999);
  expect(FakeSocket.last.isOpen).toBe(true);
  await settle(1);
  expect(FakeSocket.last.isOpen).toBe(false);
});

test("a socket that is lost is opened again, once for all, and everybody goes on", async () => {
  const milepost = client();
  const subscriptions = ["a", "b"].map((run) => milepost.follow(run));
  await settle();
  for (const [place, run] of ["a", "b"].entries()) {
    FakeSocket.last.hear({
      op: "snapshot",
      sub: `s${place + 1}`,
      cursor: at(2),
      data: snapshotOf(story(run).slice(0, 2)),
    });
  }
  await settle();
  FakeSocket.last.lose();
  await settle();
  expect(subscriptions.map(({ state }) => state.status)).toStrictEqual(["reconnecting", "reconnecting"]);
  await settle(250);
  expect(FakeSocket.all.length).toBe(2);
  expect(FakeSocket.last.said.map(({ run, after }) => [run, after]).sort()).toStrictEqual([
    ["a", at(2)],
    ["b", at(2)],
  ]);
  for (const subscription of subscriptions) subscription.close();
});

test("a socket that is used again in time stays", async () => {
  const milepost = client();
  const one = milepost.follow("one");
  await settle();
  one.close();
  await settle(999);
  const two = milepost.follow("two");
  await settle(10_000);
  expect(FakeSocket.all.length).toBe(1);
  expect(FakeSocket.last.isOpen).toBe(true);
  two.close();
});

test("a refused subscription does not touch the others", async () => {
  const milepost = client();
  const [one, two] = [milepost.follow("one"), milepost.follow("two")];
  await settle();
  const problem = { status: 404, code: "run_not_found", detail: "no", title: "no", type: "urn:x" };
  FakeSocket.last.hear({ op: "error", sub: "s1", problem });
  await settle();
  expect(one.state).toMatchObject({ status: "failed", error: { code: "run_not_found" } });
  expect(two.state.status).toBe("connecting");
  expect(FakeSocket.last.isOpen).toBe(true);
  two.close();
});

test("a socket on which nothing is heard is left", async () => {
  const subscription = client().follow("one");
  await settle();
  const first = FakeSocket.last;
  await settle(15_000);
  expect(first.said.at(-1)).toStrictEqual({ op: "ping" });
  first.hear({ op: "pong" });
  await settle(60_000);
  expect(first.isOpen).toBe(false);
  await settle(1_000);
  expect(FakeSocket.all.length).toBeGreaterThan(1);
  subscription.close();
});

test("where no socket can be opened, events come over SSE", async () => {
  FakeSocket.refused = true;
  const milepost = client();
  const subscription = milepost.follow("one");
  await settle();
  server.last.frame({ event: "caught_up", id: at(2), data: {} });
  await settle();
  expect(subscription.state.status).toBe("live");
  // Once may have been bad luck, twice is how it is there.
  server.last.break();
  await settle(1_000);
  server.last.frame({ event: "caught_up", id: at(2), data: {} });
  await settle();
  expect(FakeSocket.all.length).toBe(2);
  server.last.break();
  await settle(1_000);
  expect(server.connections.length).toBe(3);
  expect(FakeSocket.all.length).toBe(2);
  subscription.close();
});

test("where nothing works, the socket is tried again", async () => {
  FakeSocket.refused = true;
  server.answer = () => Promise.reject(new TypeError("no network"));
  const subscription = client().follow("one");
  await settle(20_000);
  expect(FakeSocket.all.length).toBeGreaterThan(3);
  FakeSocket.refused = false;
  await settle(20_000);
  expect(FakeSocket.last.said[0]).toMatchObject({ op: "subscribe", run: "one" });
  subscription.close();
});

test("a socket that hangs is given up", async () => {
  class Hanging implements WebSocketLike {
    onopen = null;
    onclose = null;
    onerror = null;
    onmessage = null;
    send(): void {}
    close(): void {}
  }
  const subscription = client({ WebSocket: Hanging, transport: "websocket" }).follow("one");
  await settle(10_000);
  expect(subscription.state).toMatchObject({ status: "reconnecting", error: { code: "unreachable" } });
  subscription.close();
});

test("a WebSocket that is not there is said at once", () => {
  vi.stubGlobal("WebSocket", undefined);
  expect(() => client({ WebSocket: undefined, transport: "websocket" })).toThrow(TypeError);
  expect(() => client({ WebSocket: undefined })).not.toThrow();
  vi.unstubAllGlobals();
});
