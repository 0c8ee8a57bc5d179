// What every client is told of a campaign, over every transport and in both encodings.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { proveContiguous, Subscriber } from "../support/campaign.js";
import { combinations, until } from "../support/clients.js";
import { Milepost } from "../support/milepost.js";

let server;
before(async () => (server = await Milepost.start()));
after(() => server.stop());

/** A campaign with every kind of event; resolves to its last sequence. */
async function story(id) {
  await server.campaign(id);
  await server.agent(id, `${id}-writer`, "Writer");
  const { seq } = await server.publish(`${id}-writer`, [
    {
      type: "run.progressed",
      data: { current: 1, total: 4, unit: "posts", stage: "Writing", message: "Post 1 of 4" },
    },
    { type: "run.waiting", data: { reason: "approval" } },
    { type: "run.resumed", data: {} },
    { type: "artifact.pending", data: { artifact: "post-1", artifact_type: "post", name: "Post 1" } },
    { type: "artifact.appended", data: { artifact: "post-1", chunk: "Spring is " } },
    {
      type: "artifact.ready",
      data: { artifact: "post-1", artifact_type: "post", name: "Post 1", media_type: "text/plain", size: 16 },
    },
    {
      type: "artifact.failed",
      data: { artifact: "post-2", error: { code: "refused", message: "no words" } },
    },
    { type: "message.appended", data: { message: "m1", role: "assistant", content: "Done.", final: true } },
    { type: "state.updated", data: { key: "tone", value: "warm" } },
    { type: "x.review", data: { stars: 5 } },
    { type: "run.completed", data: { result: { posts: 1 } } },
    { type: "run.completed", run: id, data: {} },
    { type: "run.audit_started", run: id, data: {} },
    { type: "run.audited", run: id, data: { verdict: "passed", notes: "fine" } },
  ]);
  return seq;
}

const eventTypes = [
  "Queued",
  "Running",
  "Queued",
  "Running",
  "Progress",
  "Waiting",
  "Resumed",
  "MessageAppended",
  "StateUpdated",
  "Custom",
  "Completed",
  "Completed",
  "AuditStarted",
  "Audited",
];

for (const how of combinations) {
  describe(how.name, { concurrency: true }, () => {
    const id = `campaign-${how.name.replaceAll(/[^a-z0-9]/gi, "-")}`;

    test("is told everything, once and in order", async () => {
      const subscriber = await Subscriber.start(server.hub, how);
      await subscriber.hub.invoke("SubscribeToCampaign", id);
      assert.deepEqual(
        subscriber.snapshots.map(({ lastEventSequence, currentState }) => [lastEventSequence, currentState]),
        [[0, "Queued"]],
      );

      const head = await story(id);
      await subscriber.reaches(head);
      assert.equal(proveContiguous(subscriber.events, 1), head);
      assert.deepEqual(
        subscriber.of("ReceiveOrchestrationEvent").map(({ eventType }) => eventType),
        eventTypes,
      );
      assert.deepEqual(
        subscriber.of("ReceiveArtifactUpdate").map(({ status }) => status),
        ["Pending", "Appended", "Ready", "Failed"],
      );

      const progress = subscriber.events.find(({ eventType }) => eventType === "Progress");
      const { timestamp, data, ...rest } = progress;
      assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000, timestamp);
      assert.equal(data.unit, "posts");
      assert.deepEqual(rest, {
        campaignId: id,
        runId: `${id}-writer`,
        sequence: 5,
        eventType: "Progress",
        state: "Running",
        stage: "Writing",
        message: "Post 1 of 4",
        progress: 0.25,
        agent: "Writer",
      });
      assert.deepEqual(subscriber.events.find(({ eventType }) => eventType === "Custom").data, {
        type: "x.review",
        data: { stars: 5 },
      });
      assert.equal(subscriber.events.find(({ status }) => status === "Appended").chunk, "Spring is ");
      await subscriber.hub.stop();
    });

    test("gets the same snapshot as an answer and through its callback", async () => {
      const subscriber = await Subscriber.start(server.hub, how);
      const campaign = `${id}-snapshot`;
      const head = await story(campaign);
      const answer = await subscriber.hub.invoke("GetCampaignSnapshot", campaign);
      await until(() => subscriber.snapshots.length === 1, "the callback");
      assert.deepEqual(answer, subscriber.snapshots[0]);

      const native = await server.call("GET", `/runs/${campaign}`);
      assert.equal(answer.lastEventSequence, head);
      assert.equal(answer.lastEventSequence, native.seq);
      assert.deepEqual(
        [answer.campaignId, answer.currentState, answer.auditStatus, answer.progress],
        [campaign, "Completed", "Completed", 1],
      );
      assert.deepEqual([answer.completedArtifacts, answer.pendingArtifacts], [["post"], []]);
      assert.deepEqual(
        answer.runs.map(({ runId, state }) => [runId, state.toLowerCase()]),
        native.runs.map(({ id, state }) => [id, state]),
      );
      assert.deepEqual(
        answer.artifacts.map(({ artifactId, status }) => [artifactId, status]),
        [
          ["post-1", "Ready"],
          ["post-2", "Failed"],
        ],
      );
      await subscriber.hub.stop();
    });

    test("resumes strictly after a sequence, without a snapshot", async () => {
      const campaign = `${id}-resume`;
      const head = await story(campaign);
      const subscriber = await Subscriber.start(server.hub, how);
      await subscriber.hub.invoke("SubscribeToCampaign", campaign, 7);
      await subscriber.reaches(head);
      assert.deepEqual(subscriber.snapshots, []);
      assert.equal(proveContiguous(subscriber.events, 8), head);
      await subscriber.hub.stop();
    });
  });
}

test("both encodings say the same", async () => {
  const [json, binary] = await Promise.all(
    ["10, WebSockets, json", "10, WebSockets, messagepack"].map(async (name) => {
      const subscriber = await Subscriber.start(
        server.hub,
        combinations.find((how) => how.name === name),
      );
      await subscriber.hub.invoke("SubscribeToCampaign", "alike");
      return subscriber;
    }),
  );
  const head = await story("alike");
  await Promise.all([json, binary].map((subscriber) => subscriber.reaches(head)));
  assert.deepEqual(json.events, binary.events);
  await Promise.all([json, binary].map(({ hub }) => hub.stop()));
});

test("a sequence past the head begins anew with a snapshot", async () => {
  await server.campaign("ahead");
  const subscriber = await Subscriber.start(server.hub);
  await subscriber.hub.invoke("SubscribeToCampaign", "ahead", 1_000);
  await until(() => subscriber.snapshots.length === 1, "the snapshot");
  assert.equal(subscriber.snapshots[0].lastEventSequence, 2);
  await server.say("ahead", 3);
  await subscriber.reaches(5);
  assert.equal(proveContiguous(subscriber.events, 3), 5);
  await subscriber.hub.stop();
});

test("bad arguments are refused with a code, and the connection goes on", async () => {
  await server.campaign("parent");
  await server.agent("parent", "child", "Writer");
  const { hub } = await Subscriber.start(server.hub);
  const cases = [
    [["SubscribeToCampaign", "not a name"], /HubException: invalid_id: campaignId/],
    [["SubscribeToCampaign", "child"], /HubException: not_a_root: .*`parent`/],
    [["SubscribeToCampaign", ""], /HubException: invalid_id/],
    [["SubscribeToCampaign"], /^Failed to invoke 'SubscribeToCampaign' due to an error on the server\.$/],
    [
      ["SubscribeToCampaign", "parent", "seven"],
      /^Failed to invoke 'SubscribeToCampaign' due to an error on the server\.$/,
    ],
    [
      ["SubscribeToCampaign", "parent", -1],
      /^Failed to invoke 'SubscribeToCampaign' due to an error on the server\.$/,
    ],
    [
      ["SubscribeToCampaign", "parent", 1.5],
      /^Failed to invoke 'SubscribeToCampaign' due to an error on the server\.$/,
    ],
    [["CancelRun", "nobody"], /HubException: run_not_found/],
    [["Nonsense"], /HubException: Method does not exist\./],
  ];
  for (const [call, message] of cases) {
    await assert.rejects(hub.invoke(...call), { message }, call.join(" "));
  }
  assert.equal((await hub.invoke("GetCampaignSnapshot", "parent")).lastEventSequence, 4);
  await hub.stop();
});
