// Who is told what, and who is not.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { proveContiguous, Subscriber } from "../support/campaign.js";
import { until } from "../support/clients.js";
import { Milepost } from "../support/milepost.js";

/** Resolves when `measure` finds `expected`. */
async function untilEqual(measure, expected) {
  let measured;
  for (let attempt = 0; attempt < 500; attempt++) {
    measured = await measure();
    if (measured === expected) return;
  }
  assert.equal(measured, expected);
}

let server;
before(async () => (server = await Milepost.start()));
after(() => server.stop());

test("subscribers of one campaign hear nothing of another", async () => {
  await server.campaign("mine");
  await server.campaign("other");
  const subscriber = await Subscriber.start(server.hub);
  await subscriber.hub.invoke("SubscribeToCampaign", "mine");
  await server.say("other", 50);
  await server.say("mine", 50);
  await subscriber.reaches(52);
  assert.deepEqual([...new Set(subscriber.events.map(({ campaignId }) => campaignId))], ["mine"]);
  await subscriber.hub.stop();
});

test("several campaigns share a connection, each in its own order", async () => {
  const names = ["a", "b", "c"];
  const subscriber = await Subscriber.start(server.hub);
  for (const name of names) {
    await server.campaign(name);
    await subscriber.hub.invoke("SubscribeToCampaign", name);
  }
  await Promise.all(names.map((name) => server.say(name, 200)));
  await until(() => subscriber.events.length === 600, "all events");
  for (const name of names) {
    assert.equal(
      proveContiguous(
        subscriber.events.filter(({ campaignId }) => campaignId === name),
        3,
      ),
      202,
    );
  }
  await subscriber.hub.stop();
});

test("the end of a campaign is no end of its subscriptions: an audit that begins later is heard of", async () => {
  await server.campaign("audited");
  const subscriber = await Subscriber.start(server.hub);
  await subscriber.hub.invoke("SubscribeToCampaign", "audited");
  await server.publish("audited", [{ type: "run.completed", data: {} }]);
  await subscriber.reaches(3);
  await server.publish("audited", [{ type: "run.audit_started", data: {} }]);
  await subscriber.reaches(4);
  await server.publish("audited", [{ type: "run.audited", data: { verdict: "passed" } }]);
  await subscriber.reaches(5);
  assert.equal(proveContiguous(subscriber.events, 3), 5);
  await subscriber.hub.stop();
});

test("a page that goes from campaign to campaign does not run out of subscriptions", async () => {
  const subscriber = await Subscriber.start(server.hub);
  for (let at = 0; at < 150; at++) {
    await server.campaign(`next-${at}`);
    await subscriber.hub.invoke("SubscribeToCampaign", `next-${at}`);
    await server.publish(`next-${at}`, [{ type: "run.completed", data: {} }]);
    await until(() => subscriber.events.length === at + 1, `the end of ${at}`);
  }
  await subscriber.hub.stop();
});

test("projects are apart: the same name is another campaign", async () => {
  await server.campaign("same", "left");
  await server.campaign("same", "right");
  const [left, right] = await Promise.all(
    ["left", "right"].map((project) => Subscriber.start(`${server.hub}?project=${project}`)),
  );
  for (const { hub } of [left, right]) await hub.invoke("SubscribeToCampaign", "same");
  await server.say("same", 3, "left");
  await left.reaches(5);
  await server.say("same", 1, "right");
  await right.reaches(3);
  assert.equal(right.events.length, 1);
  await Promise.all([left, right].map(({ hub }) => hub.stop()));
});

test("nothing arrives after the answer to UnsubscribeFromCampaign", async () => {
  await server.campaign("left-behind");
  const subscriber = await Subscriber.start(server.hub);
  await subscriber.hub.invoke("SubscribeToCampaign", "left-behind");
  let saying = true;
  const producer = (async () => {
    while (saying) await server.say("left-behind", 50);
  })();
  for (let round = 0; round < 10; round++) {
    await subscriber.hub.invoke("UnsubscribeFromCampaign", "left-behind");
    const known = subscriber.heard.length;
    await subscriber.hub.invoke("GetCampaignSnapshot", "elsewhere");
    assert.equal(subscriber.heard.length, known + 1, "the snapshot that was asked for, and nothing else");
    await subscriber.hub.invoke("SubscribeToCampaign", "left-behind", subscriber.last);
  }
  saying = false;
  await producer;
  await subscriber.hub.invoke("UnsubscribeFromCampaign", "left-behind");
  await subscriber.hub.invoke("UnsubscribeFromCampaign", "left-behind");
  await subscriber.hub.stop();
});

test("subscribing twice brings nothing twice", async () => {
  await server.campaign("twice");
  const subscriber = await Subscriber.start(server.hub);
  await subscriber.hub.invoke("SubscribeToCampaign", "twice");
  await subscriber.hub.invoke("SubscribeToCampaign", "twice", 2);
  await server.say("twice", 100);
  await subscriber.reaches(102);
  assert.equal(proveContiguous(subscriber.events, 3), 102);
  await subscriber.hub.stop();
});

test("sixty connections at once are told the same", async () => {
  await server.campaign("crowd");
  const crowd = await Promise.all(Array.from({ length: 60 }, () => Subscriber.start(server.hub)));
  await Promise.all(crowd.map(({ hub }) => hub.invoke("SubscribeToCampaign", "crowd")));
  await server.say("crowd", 100);
  await Promise.all(crowd.map((subscriber) => subscriber.reaches(102)));
  for (const { events } of crowd) assert.deepEqual(events, crowd[0].events);
  await Promise.all(crowd.map(({ hub }) => hub.stop()));
});

test("connections are counted while they are there", async () => {
  const active = async () => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(
      text.match(/^signalr_server_active_connections\{signalr_transport="web_sockets"\} (\d+)$/m)?.[1] ?? 0,
    );
  };
  await untilEqual(active, 0);
  const subscriber = await Subscriber.start(server.hub, { transport: 1 });
  await untilEqual(active, 1);
  await subscriber.hub.stop();
  await untilEqual(active, 0);
  const text = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(
    text,
    /signalr_server_connection_duration_seconds_count\{signalr_connection_status="normal_closure",signalr_transport="web_sockets"\} [1-9]/,
  );
});
