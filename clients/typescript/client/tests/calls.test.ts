/** Calls, the feed of a project, campaigns, and pages that nobody sees. */

import { afterEach, beforeEach, expect, expectTypeOf, test, vi } from "vitest";
import { FakeServer, problem } from "../../testing/fake.js";
import { at, log, snapshotOf, story } from "../../testing/story.js";
import {
  type CampaignProgress,
  type Cursor,
  MilepostClient,
  MilepostError,
  type MilepostEvent,
  type RunView,
  type Snapshot,
} from "../src/index.js";

let server: FakeServer;
let client: MilepostClient;
beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  client = new MilepostClient({
    url: "https://host/below",
    project: "a b",
    fetch: server.fetch,
    transport: "sse",
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function settle(ms = 0): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await vi.advanceTimersByTimeAsync(0);
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 20; turn += 1) await vi.advanceTimersByTimeAsync(0);
}

test("each call is written as the contract says", async () => {
  server.answer = () => new Response("{}");
  const calls: [Promise<unknown>, string, unknown?, Record<string, string>?][] = [
    [
      client.runs({ kind: "k", state: "running", limit: 5 }),
      "GET /v1/projects/a%20b/runs?kind=k&state=running&limit=5",
    ],
    [client.snapshot("r/1"), "GET /v1/projects/a%20b/runs/r%2F1"],
    [
      client.events("r", { project: "p", after: "3", limit: 2 }),
      "GET /v1/projects/p/runs/r/events?after=3&limit=2",
    ],
    [client.create({ kind: "k" }), "POST /v1/projects/a%20b/runs", { kind: "k" }],
    [
      client.publish("r", { type: "run.started" }, { lease: "l", ifMatch: "7" }),
      "POST /v1/projects/a%20b/runs/r/events",
      { type: "run.started" },
      { "Milepost-Lease": "l", "If-Match": "7" },
    ],
    [client.cancel("r"), "POST /v1/projects/a%20b/runs/r/cancel", {}],
    [
      client.cancel("r", { reason: "why", graceSeconds: 0 }),
      "POST /v1/projects/a%20b/runs/r/cancel",
      { reason: "why", grace_seconds: 0 },
    ],
    [client.artifact("r", "a.txt"), "GET /v1/projects/a%20b/runs/r/artifacts/a.txt"],
    [
      client.startIngest({ repository: "https://x/y" }),
      "POST /api/v1/ingest/github",
      { project: "a b", repository: "https://x/y" },
    ],
    [
      client.startCampaign({ business_description: "b", objective: "o" }, { project: "p" }),
      "POST /api/v1/content/generate-with-progress?project=p",
      { business_description: "b", objective: "o" },
    ],
  ];
  await Promise.all(calls.map(([answer]) => answer));
  const written = server.requests.map(async (request) => [
    `${request.method} ${request.url.replace("https://host/below", "")}`,
    request.method === "POST" ? await request.json() : undefined,
  ]);
  // Requests go out in the order of the calls.
  expect(await Promise.all(written)).toStrictEqual(calls.map(([, line, body]) => [line, body]));
  for (const [place, [, , , headers = {}]] of calls.entries()) {
    for (const [name, value] of Object.entries(headers))
      expect(server.requests[place]?.headers.get(name)).toBe(value);
  }
  expect(client.artifactUrl("r", "a b")).toBe("https://host/below/v1/projects/a%20b/runs/r/artifacts/a%20b");
});

test("a refusal is an error with its code, its status, and all that the server said", async () => {
  server.answer = () => problem(409, "run_terminal");
  const error = await client.cancel("r").catch((error) => error);
  expect(error).toBeInstanceOf(MilepostError);
  expect(error).toMatchObject({
    code: "run_terminal",
    status: 409,
    message: "it is run_terminal",
    isTransient: false,
  });
  expect(error.problem.title).toBe("run_terminal");
  server.answer = () => new Response("<html>", { status: 502, statusText: "Bad Gateway" });
  await expect(client.snapshot("r")).rejects.toMatchObject({
    code: "http_502",
    status: 502,
    problem: null,
    isTransient: true,
  });
  server.answer = () => Promise.reject(new TypeError("no route"));
  await expect(client.snapshot("r")).rejects.toMatchObject({
    code: "unreachable",
    status: 0,
    isTransient: true,
  });
});

test("a token that cannot be got now may be got later", async () => {
  let broken = true;
  const token = () => (broken ? Promise.reject(new Error("signed out")) : "t");
  const own = new MilepostClient({ url: "https://host", fetch: server.fetch, token });
  await expect(own.snapshot("r")).rejects.toMatchObject({ code: "unreachable" });
  broken = false;
  server.answer = ({ headers }) => new Response(JSON.stringify({ sent: headers.get("Authorization") }));
  expect(await own.snapshot("r")).toStrictEqual({ sent: "Bearer t" });
});

test("outside of a page the client wants an address", () => {
  vi.stubGlobal("location", undefined);
  expect(() => new MilepostClient()).toThrow("url");
  vi.stubGlobal("location", { origin: "https://page" });
  expect(new MilepostClient().artifactUrl("r", "a")).toBe(
    "https://page/v1/projects/default/runs/r/artifacts/a",
  );
});

test("a project shows its runs as they stand, and asks for trees only where it has to", async () => {
  const alone = story("alone");
  const tree = log("tree", [
    { type: "run.created", data: { kind: "k" } },
    { type: "run.created", run: "leaf", data: { kind: "k", parent: "tree" } },
    { type: "run.created", run: "other", data: { kind: "k", parent: "tree" } },
    { type: "run.completed", run: "leaf", data: {} },
  ]);
  const roots = [alone.slice(0, 2), tree.slice(0, 3)].map((events) => snapshotOf(events).runs[0]);
  server.answer = ({ url }) => {
    if (url.endsWith("/runs/tree")) return new Response(JSON.stringify(snapshotOf(tree)));
    return url.endsWith("/events") ? null : problem(404, "run_not_found");
  };
  const items: string[] = [];
  const feed = client.followProject({ onEvent: ({ stream, seq }) => items.push(`${stream} ${seq}`) });
  await settle();
  const send = (event: MilepostEvent) => server.last.frame({ data: event });
  server.last.frame({ event: "snapshot", data: { runs: roots, heads: { alone: at(2), tree: at(3) } } });
  await settle();
  expect(feed.state).toMatchObject({ status: "live", runs: [{ id: "alone" }, { id: "tree" }] });
  send(alone[2] as MilepostEvent);
  await settle();
  expect(feed.state.runs[0]?.progress.fraction).toBeCloseTo(1 / 3);
  expect(server.requests.length).toBe(1);
  // Of a tree the list has the root only; its fraction cannot be known without the others.
  send(tree[3] as MilepostEvent);
  await settle();
  expect(server.requests.length).toBe(2);
  expect(feed.state.runs.find(({ id }) => id === "tree")?.progress.fraction).toBe(0.5);
  // One that begins now is known from its first event on; one that was deleted meanwhile is nobody's business.
  for (const event of story("new").slice(0, 3)) send(event);
  send({ ...(story("gone")[4] as MilepostEvent) });
  await settle();
  expect(feed.state.runs.map(({ id }) => id)).toContain("new");
  expect(feed.state.runs.length).toBe(3);
  expect(items).toStrictEqual(["alone 3", "tree 4", "new 1", "new 2", "new 3", "gone 5"]);
  // What ended stays, to be seen; a list takes away what is no longer open.
  for (const event of alone.slice(3)) send(event);
  await settle();
  server.last.frame({ event: "reset", data: { reason: "too_slow" } });
  await settle(1_000);
  server.last.frame({ event: "snapshot", data: { runs: [], heads: {} } });
  await settle();
  expect(feed.state.runs.map(({ id, state }) => `${id} ${state}`)).toStrictEqual(["alone completed"]);
  feed.close();
});

test("a campaign is followed until every job is over", async () => {
  const progress = (status: "processing" | "completed", overall: number): CampaignProgress => ({
    campaign_id: "c",
    overall_progress: overall,
    jobs: [{ id: "j", type: "text", status, progress: overall, message: "m", content_id: null }],
    timestamp: "2026-11-20T00:00:00.000Z",
  });
  const campaign = client.followCampaign("c");
  await settle();
  expect(server.last.request.url).toBe("https://host/below/api/v1/content/progress/c?project=a+b");
  server.last.frame({ event: "progress", id: at(1), data: progress("processing", 0.5) });
  await settle();
  expect(campaign.state).toMatchObject({
    isComplete: false,
    status: "live",
    progress: { overall_progress: 0.5 },
  });
  server.last.break();
  await settle(1_000);
  expect(server.last.request.headers.get("Last-Event-ID")).toBe(at(1));
  server.last.frame({ event: "progress", id: at(2), data: progress("completed", 1) });
  await settle(60_000);
  expect(campaign.state).toMatchObject({ isComplete: true, status: "ended" });
  expect(server.requests.length).toBe(2);
});

test("while nobody can see the page, nothing is followed", async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("document", page);
  const show = (state: string) => {
    page.visibilityState = state;
    page.dispatchEvent(new Event("visibilitychange"));
  };
  const subscription = client.follow("r", { from: "start" });
  await settle();
  for (const event of story("r").slice(0, 2)) server.last.frame({ id: at(event.seq), data: event });
  show("hidden");
  await settle(9_999);
  show("visible");
  await settle(60_000);
  expect(subscription.state.status).not.toBe("paused");
  server.last.text(":\n\n");
  show("hidden");
  await settle(10_000);
  expect(subscription.state).toMatchObject({ status: "paused", seq: 2 });
  const before = server.requests.length;
  await settle(600_000);
  expect(server.requests.length).toBe(before);
  show("visible");
  await settle();
  expect(subscription.state.status).toBe("reconnecting");
  expect(new URL(server.last.request.url).search).toBe(`?after=${at(2)}`);
  subscription.close();
  const always = new MilepostClient({
    url: "https://host",
    fetch: server.fetch,
    transport: "sse",
    pauseWhenHidden: false,
  });
  show("hidden");
  const other = always.follow("r");
  await settle(60_000);
  expect(other.state.status).not.toBe("paused");
  other.close();
});

test("events say by their type what their data is", () => {
  expectTypeOf<RunView["snapshot"]>().toEqualTypeOf<Snapshot | null>();
  expectTypeOf<Parameters<MilepostClient["follow"]>[0]>().toEqualTypeOf<string>();
  expectTypeOf<Cursor>().toEqualTypeOf<string>();
  const look = (event: MilepostEvent) => {
    if (event.type === "run.progressed")
      expectTypeOf(event.data.current).toEqualTypeOf<number | null | undefined>();
    if (event.type === "message.appended") expectTypeOf(event.data.content).toEqualTypeOf<string>();
    if (event.type === "x.mine") expectTypeOf(event.data).toEqualTypeOf<unknown>();
    // @ts-expect-error there is no such type
    if (event.type === "run.exploded") return;
  };
  expect(look).toBeTypeOf("function");
  // @ts-expect-error a run has a kind
  const missing: Parameters<MilepostClient["create"]>[0] = { name: "n" };
  expect(missing).toBeDefined();
});
