/** The client and a real server. */

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Server } from "../../testing/server.js";
import { until } from "../../testing/until.js";
import { type ClientOptions, MilepostClient, MilepostError, type Snapshot } from "../src/index.js";

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

const TRANSPORTS = ["sse", "websocket", "auto"] as const;
const fresh = (() => {
  let last = 0;
  return (name: string) => `${name}-${++last}`;
})();

function client(options: Partial<ClientOptions> = {}): MilepostClient {
  return new MilepostClient({ url: server.url, WebSocket, ...options });
}

/** Without what is no part of the fold. */
function folded(snapshot: Snapshot | null) {
  if (snapshot === null) return null;
  const { time: _, ...rest } = snapshot;
  return { ...rest, runs: rest.runs.map((run) => ({ ...run, lease_expires_at: null })) };
}

/** Something of every kind, in two parts. */
async function begin(to: MilepostClient, run: string): Promise<void> {
  await to.create({ id: run, kind: "campaign", name: "Autumn", state: "running" });
  await to.create({ id: `${run}.text`, kind: "step", parent: run, weight: 3, state: "running" });
  await to.create({ id: `${run}.image`, kind: "step", parent: run });
  await to.publish(run, [
    {
      run: `${run}.text`,
      type: "run.progressed",
      data: { stage: "Writing", current: 1, total: 4, unit: "posts" },
    },
    { type: "message.appended", data: { message: "m", content: "Hel" } },
    { type: "state.updated", data: { key: "plan", value: { posts: [1, 2] } } },
  ]);
}

async function finish(to: MilepostClient, run: string): Promise<void> {
  await to.publish(run, [
    { type: "message.appended", data: { message: "m", content: "lo ✓", final: true } },
    { type: "state.updated", data: { key: "plan", patch: [{ op: "add", path: "/posts/-", value: 3 }] } },
    { run: `${run}.text`, type: "artifact.appended", data: { artifact: "draft", chunk: "Dear" } },
    { run: `${run}.text`, type: "x.mine", data: { any: ["thing"] } },
    { run: `${run}.text`, type: "run.completed", data: { result: { posts: 3 } } },
    { run: `${run}.image`, type: "run.failed", data: { error: { code: "no_gpu", message: "none" } } },
    { type: "run.completed" },
  ]);
}

describe.each(TRANSPORTS)("%s", (transport) => {
  test("a run is followed to its end, and folds to what the server shows", async () => {
    const milepost = client({ transport });
    const run = fresh("whole");
    await begin(milepost, run);
    const types: string[] = [];
    const statuses: string[] = [];
    const subscription = milepost.follow(run, {
      onEvent: (event) => types.push(event.type),
      onStatus: (status) => statuses.push(status),
    });
    await until(subscription, ({ status }) => status === "live");
    expect(folded(subscription.state.snapshot)).toStrictEqual(folded(await milepost.snapshot(run)));
    await finish(milepost, run);
    const { snapshot, cursor } = await until(subscription, ({ status }) => status === "ended");
    expect(folded(snapshot)).toStrictEqual(folded(await milepost.snapshot(run)));
    expect(cursor).toBe(snapshot?.cursor);
    expect(types).toContain("x.mine");
    expect(statuses).toStrictEqual(["replaying", "live", "ended"]);
  });

  test("a replay yields every event of the log, then the end", async () => {
    const milepost = client({ transport });
    const run = fresh("replay");
    await begin(milepost, run);
    await finish(milepost, run);
    const log = await milepost.events(run);
    const items = [];
    for await (const item of milepost.follow(run, { from: "start" })) items.push(item);
    expect(items.flatMap((item) => (item.type === "event" ? [item.event] : []))).toStrictEqual(log.events);
    expect(items.at(-1)).toStrictEqual({ type: "end", cursor: log.head });
  });

  test("a viewer goes on strictly after its cursor", async () => {
    const milepost = client({ transport });
    const run = fresh("resume");
    await begin(milepost, run);
    const { cursor } = await milepost.snapshot(run);
    await finish(milepost, run);
    const { events } = await milepost.events(run, { after: cursor });
    const seen: number[] = [];
    const subscription = milepost.follow(run, { after: cursor, onEvent: ({ seq }) => seen.push(seq) });
    await until(subscription, ({ status }) => status === "ended");
    expect(seen).toStrictEqual(events.map(({ seq }) => seq));
    // At the end of a finished stream there is nothing more to say.
    const late = milepost.follow(run, { after: subscription.state.cursor ?? "" });
    await until(late, ({ status }) => status === "ended");
  });

  test("a part of a tree folds to the server's snapshot of that part", async () => {
    const milepost = client({ transport });
    const run = fresh("part");
    await begin(milepost, run);
    const subscription = milepost.follow(`${run}.text`);
    await until(subscription, ({ status }) => status === "live");
    await finish(milepost, run);
    const { snapshot } = await until(subscription, ({ status }) => status === "ended");
    const theirs = folded(await milepost.snapshot(`${run}.text`));
    expect(folded(snapshot)).toStrictEqual(theirs);
  });

  test("a run that does not exist is a failure, not something to wait for", async () => {
    const subscription = client({ transport }).follow("nobody");
    const { error } = await until(subscription, ({ status }) => status === "failed");
    expect(error).toMatchObject({ code: "run_not_found", status: 404 });
    await expect(subscription[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(MilepostError);
  });

  test("what is shown is what the server shows, sequence by sequence, also over a kill in mid-run", async () => {
    const own = await Server.start();
    const milepost = client({ url: own.url, transport });
    const run = fresh("steps");
    await begin(milepost, run);
    const mine = new Map<number, unknown>();
    const subscription = milepost.follow(run, { onEvent: () => look() });
    const look = () => mine.set(subscription.state.seq, folded(subscription.state.snapshot));
    await until(subscription, ({ status }) => status === "live");
    const theirs = new Map<number, unknown>();
    const part = `${run}.text`;
    for (let step = 1; step <= 30; step += 1) {
      if (step === 15) {
        await own.kill();
        await own.restart();
      }
      await milepost.publish(run, [
        { run: part, type: "run.progressed", data: { message: `step ${step}`, current: step, total: 30 } },
        { type: "message.appended", data: { message: "log", content: `${step}. ` } },
      ]);
      const snapshot = await milepost.snapshot(run);
      theirs.set(snapshot.seq, folded(snapshot));
    }
    await milepost.publish(run, { type: "run.completed" });
    await until(subscription, ({ status }) => status === "ended");
    // Only where progress was held back, something else is shown; but each step ends with a message.
    expect(theirs.size).toBe(30);
    for (const [seq, snapshot] of theirs) expect(mine.get(seq), `at ${seq}`).toStrictEqual(snapshot);
    await own.stop();
  });

  test("a server that is killed in mid-run and comes back costs nothing", async () => {
    const own = await Server.start();
    const milepost = client({ url: own.url, transport });
    const run = fresh("killed");
    await begin(milepost, run);
    const seen: number[] = [];
    const subscription = milepost.follow(run, { from: "start", onEvent: ({ seq }) => seen.push(seq) });
    await until(subscription, ({ status }) => status === "live");
    await own.kill();
    await until(subscription, ({ status }) => status === "reconnecting");
    await own.restart();
    await finish(milepost, run);
    const { snapshot, seq } = await until(subscription, ({ status }) => status === "ended");
    expect(seen).toStrictEqual(Array.from({ length: seq }, (_, place) => place + 1));
    expect(folded(snapshot)).toStrictEqual(folded(await milepost.snapshot(run)));
    await own.stop();
  });
});
