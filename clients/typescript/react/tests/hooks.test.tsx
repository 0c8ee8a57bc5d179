/** The hooks, on React 18 and 19. */

import { MilepostClient } from "@milepost/client";
import { type ReactElement, version } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, expectTypeOf, test, vi } from "vitest";
import { FakeServer, problem } from "../../testing/fake.js";
import { at, log, snapshotOf, story } from "../../testing/story.js";
import {
  MilepostProvider,
  useArtifacts,
  useCancel,
  useConnectionStatus,
  useEvents,
  useProgressiveGeneration,
  useRun,
  useRuns,
} from "../src/index.js";
import { perform, render, settle } from "./render.js";

let server: FakeServer;
let client: MilepostClient;
beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  client = new MilepostClient({ url: "http://fake", fetch: server.fetch, transport: "sse" });
});
afterEach(() => {
  vi.useRealTimers();
});

const wrap = (child: ReactElement) => <MilepostProvider client={client}>{child}</MilepostProvider>;

/** Everything at once. */
function Page() {
  const { run, status } = useRun("r");
  const { runs } = useRuns();
  const { progress } = useProgressiveGeneration("c");
  return (
    <p>{`${run} ${status} ${runs.length} ${progress} ${useConnectionStatus()} ${useEvents("r").events.length}`}</p>
  );
}

function open(): number {
  return server.connections.filter(({ isOpen }) => isOpen).length;
}

function begin(run: string): void {
  const events = story(run);
  server.last.frame({ event: "snapshot", id: at(2), data: snapshotOf(events.slice(0, 2)) });
  server.last.frame({ event: "caught_up", id: at(2), data: {} });
}

test("it is the React that it is to be", ({ task }) => {
  expect(version.split(".")[0]).toBe(task.file.projectName?.split(" ")[1]);
});

test("useRun shows a run as it stands, and lets go of it", async () => {
  const rendered = await render(() => useRun("r"), wrap);
  expect(rendered.result).toMatchObject({ run: null, snapshot: null, status: "connecting" });
  await settle(vi);
  begin("r");
  await settle(vi, 50);
  expect(rendered.result).toMatchObject({ run: { id: "r", state: "running" }, status: "live", seq: 2 });
  const before = rendered.result;
  await rendered.rerender();
  expect(rendered.result).toBe(before);
  await rendered.unmount();
  await settle(vi, 999);
  expect(open()).toBe(1);
  await settle(vi, 1);
  expect(open()).toBe(0);
});

test("many events are few renders, and the last one is shown", async () => {
  const rendered = await render(() => useRun("r"), wrap);
  await settle(vi);
  begin("r");
  await settle(vi, 1_000);
  const before = rendered.renders;
  const events = story("r", 500);
  for (const event of events.slice(2, 402)) {
    server.last.frame({ id: at(event.seq), data: event });
    await settle(vi, 1);
  }
  await settle(vi, 50);
  expect(rendered.result.seq).toBe(402);
  expect(rendered.renders - before).toBeLessThanOrEqual(402 / 50 + 3);
  await rendered.unmount();
});

test("in strict mode, and in many components, there is one connection", async () => {
  const hook = () => [useRun("r"), useRun("r"), useArtifacts("r")] as const;
  const rendered = await render(hook, wrap, { strict: true });
  await settle(vi);
  expect(server.connections.length).toBe(1);
  begin("r");
  await settle(vi, 50);
  expect(rendered.result[0].seq).toBe(2);
  expect(rendered.result[1].snapshot).toBe(rendered.result[0].snapshot);
  await rendered.unmount();
  await settle(vi, 1_000);
  expect(open()).toBe(0);
});

test("another id is another run; no id is none", async () => {
  let id: string | null = null;
  const rendered = await render(() => useRun(id), wrap);
  await settle(vi);
  expect(server.requests.length).toBe(0);
  id = "a";
  await rendered.rerender();
  await settle(vi);
  begin("a");
  await settle(vi, 50);
  expect(rendered.result.run?.id).toBe("a");
  id = "b";
  await rendered.rerender();
  expect(rendered.result.run).toBeNull();
  await settle(vi, 1_000);
  begin("b");
  await settle(vi, 50);
  expect(rendered.result.run?.id).toBe("b");
  expect(open()).toBe(1);
  await rendered.unmount();
});

test("useArtifacts says where to get what is ready, and nothing else", async () => {
  const rendered = await render(() => useArtifacts("r", { project: "p" }), wrap);
  await settle(vi);
  const ready = (artifact: string, url?: string) => ({
    type: "artifact.ready" as const,
    data: { artifact, ...(url === undefined ? {} : { url }) },
  });
  const events = log("r", [
    { type: "run.created", data: { kind: "k" } },
    { type: "artifact.pending", data: { artifact: "later" } },
    ready("here", "/v1/projects/p/runs/r/artifacts/here"),
    ready("there", "https://elsewhere/x.png"),
    ready("bad", "javascript:alert(1)"),
  ]);
  server.last.frame({ event: "snapshot", id: at(5), data: snapshotOf(events) });
  await settle(vi, 50);
  expect(rendered.result.artifacts.map(({ artifact, href }) => [artifact, href])).toStrictEqual([
    ["later", null],
    ["here", "http://fake/v1/projects/p/runs/r/artifacts/here"],
    ["there", "https://elsewhere/x.png"],
    ["bad", null],
  ]);
  await rendered.unmount();
});

test("useRuns lists what there is, and what comes", async () => {
  const [old, now] = ["old", "now"].map((id) => snapshotOf(story(id).slice(0, 2)).runs[0]);
  server.answer = ({ url }) =>
    url.includes("/runs?")
      ? new Response(JSON.stringify({ runs: [{ ...old, state: "completed" }], next_page: null }))
      : null;
  const rendered = await render(() => [useRuns(), useRuns({ state: "running" })] as const, wrap);
  expect(rendered.result[0]).toMatchObject({ runs: [], isLoading: true });
  await settle(vi);
  expect(server.connections.length).toBe(1);
  server.last.frame({ event: "snapshot", data: { runs: [now], heads: { now: at(2) } } });
  await settle(vi, 100);
  const ids = () => rendered.result.map(({ runs }) => runs.map(({ id }) => id).sort());
  expect(ids()).toStrictEqual([["now", "old"], ["now"]]);
  expect(rendered.result[0]).toMatchObject({ isLoading: false, status: "live", error: null });
  for (const event of story("now").slice(2)) server.last.frame({ data: event });
  for (const event of story("new").slice(0, 2)) server.last.frame({ data: event });
  await settle(vi, 100);
  expect(ids()).toStrictEqual([["new", "now", "old"], ["new"]]);
  expect(rendered.result[0].runs.find(({ id }) => id === "now")?.state).toBe("completed");
  await rendered.unmount();
  await settle(vi, 2_000);
  expect(open()).toBe(0);
});

test("useRuns says why there is no list", async () => {
  server.answer = ({ url }) => (url.includes("/runs?") ? problem(403, "forbidden") : null);
  const rendered = await render(() => useRuns(), wrap);
  await settle(vi);
  server.last.frame({ event: "snapshot", data: { runs: [], heads: {} } });
  await settle(vi, 100);
  expect(rendered.result).toMatchObject({ isLoading: false, error: { code: "forbidden" } });
  await rendered.unmount();
});

test("useEvents shows the latest events", async () => {
  const events = story("r", 10);
  const rendered = await render(() => useEvents("r", { limit: 3 }), wrap);
  await settle(vi);
  server.last.frame({ event: "snapshot", id: at(9), data: snapshotOf(events.slice(0, 9)) });
  await settle(vi, 50);
  expect(server.last.request.url).toBe("http://fake/v1/projects/default/runs/r/events?after=6");
  for (const event of events.slice(6, 11)) server.last.frame({ id: at(event.seq), data: event });
  await settle(vi, 50);
  expect(rendered.result.events.map(({ seq }) => seq)).toStrictEqual([9, 10, 11]);
  await rendered.unmount();
  await settle(vi, 2_000);
  expect(open()).toBe(0);
});

test("useCancel asks, and says what came of it", async () => {
  const answer = {
    run: "r",
    cancel: { by: null, reason: "enough", requested_at: "t", deadline: "t", acknowledged: null },
  };
  server.answer = () => new Response(JSON.stringify(answer));
  const rendered = await render(() => useCancel("r"), wrap);
  expect(rendered.result).toMatchObject({ isPending: false, request: null, error: null });
  const { cancel } = rendered.result;
  await perform(() => cancel({ reason: "enough", graceSeconds: 5 }));
  expect(await server.requests[0]?.json()).toStrictEqual({ reason: "enough", grace_seconds: 5 });
  expect(rendered.result).toMatchObject({ isPending: false, request: { reason: "enough" }, error: null });
  expect(rendered.result.cancel).toBe(cancel);
  server.answer = () => problem(409, "run_terminal");
  await perform(() => cancel());
  expect(rendered.result).toMatchObject({ isPending: false, request: null, error: { code: "run_terminal" } });
  await rendered.unmount();
});

test("useProgressiveGeneration has the shape that it always had", async () => {
  const rendered = await render(() => useProgressiveGeneration("c"), wrap);
  expect(rendered.result).toStrictEqual({ progress: null, isComplete: false });
  await settle(vi);
  const job = { id: "j", type: "text", progress: 0.5, message: "m", content_id: null };
  const told = { campaign_id: "c", overall_progress: 0.5, timestamp: "t" };
  const working = { ...told, jobs: [{ ...job, status: "processing" }] };
  server.last.frame({ event: "progress", id: at(1), data: working });
  await settle(vi, 50);
  expect(rendered.result).toStrictEqual({ progress: working, isComplete: false });
  const over = { ...told, jobs: [{ ...job, status: "failed" }] };
  server.last.frame({ event: "progress", id: at(2), data: over });
  await settle(vi, 50);
  expect(rendered.result).toStrictEqual({ progress: over, isComplete: true });
  expect(open()).toBe(0);
  await rendered.unmount();
  expectTypeOf(rendered.result.isComplete).toEqualTypeOf<boolean>();
});

test("useConnectionStatus tells of everything together", async () => {
  let ids: string[] = [];
  const hook = () => [useConnectionStatus(), useRun(ids[0]).status, useRun(ids[1]).status] as const;
  const rendered = await render(hook, wrap);
  expect(rendered.result[0]).toBe("idle");
  ids = ["a"];
  await rendered.rerender();
  expect(rendered.result[0]).toBe("connecting");
  await settle(vi);
  begin("a");
  await settle(vi, 50);
  expect(rendered.result[0]).toBe("live");
  ids = ["a", "b"];
  await rendered.rerender();
  await settle(vi);
  begin("b");
  await settle(vi, 50);
  server.last.break();
  await settle(vi, 50);
  expect(rendered.result).toStrictEqual(["reconnecting", "live", "reconnecting"]);
  await rendered.unmount();
});

test("on a server nothing is connected", () => {
  const text = "null connecting 0 null idle 0";
  expect(renderToString(wrap(<Page />))).toBe(`<p>${text}</p>`);
  expect(renderToString(<Page />)).toBe(`<p>${text}</p>`);
  expect(server.requests.length).toBe(0);
});
