// Whatever breaks, nothing is lost and nothing comes twice.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { proveContiguous, Subscriber } from "../support/campaign.js";
import { currently, until } from "../support/clients.js";
import { Milepost } from "../support/milepost.js";
import { Wire } from "../support/wire.js";

let server, wire;
before(async () => {
  server = await Milepost.start();
  wire = await Wire.to(server.url);
});
after(async () => {
  wire.stop();
  await server.stop();
});

/** A subscriber that does what docs/signalr.md says: after every reconnect it subscribes after what it has seen. */
async function faithful(url, campaign, how) {
  const subscriber = await Subscriber.start(url, { reconnect: Array(1_000).fill(20), ...how });
  subscriber.hub.onreconnected(() =>
    subscriber.hub.invoke("SubscribeToCampaign", campaign, subscriber.last).catch(() => {}),
  );
  await subscriber.hub.invoke("SubscribeToCampaign", campaign);
  return subscriber;
}

for (const how of currently) {
  test(`10 000 events over a network that breaks: ${how.name}`, async () => {
    const campaign = `broken-${how.name.replaceAll(/[^a-z0-9]/gi, "-")}`;
    await server.campaign(campaign);
    const subscriber = await faithful(wire.url("/hubs/campaign"), campaign, how);
    let reconnects = 0;
    subscriber.hub.onreconnecting(() => void reconnects++);
    for (let said = 0; said < 10_000; said += 1_000) {
      const saying = server.say(campaign, 1_000);
      // A client whose network breaks in the middle of its handshake may not notice, whatever the server does.
      await until(() => subscriber.last > said + 100, "some events", 30_000);
      wire.cut();
      await saying;
    }
    await subscriber.reaches(10_002, 60_000);
    assert.equal(proveContiguous(subscriber.events, 3), 10_002);
    assert.ok(reconnects > 0, "the network did break");
    await subscriber.hub.stop();
  });
}

test("the server is killed and comes back: automatic reconnect with afterSequence", async () => {
  const mortal = await Milepost.start();
  await mortal.campaign("survivor");
  const subscriber = await faithful(mortal.hub, "survivor");
  for (let round = 0; round < 3; round++) {
    await mortal.say("survivor", 300);
    await mortal.kill();
    await mortal.restart();
  }
  await mortal.say("survivor", 100);
  await subscriber.reaches(1_002, 30_000);
  assert.equal(proveContiguous(subscriber.events, 3), 1_002);
  assert.equal(subscriber.snapshots.length, 1, "the one at the beginning");
  await subscriber.hub.stop();
  await mortal.stop();
});

test("the server drains: clients are told to come back", async () => {
  const mortal = await Milepost.start();
  await mortal.campaign("drained");
  const subscriber = await faithful(mortal.hub, "drained");
  let why = "it did not";
  subscriber.hub.onreconnecting((error) => {
    why = error;
  });
  await mortal.kill("SIGTERM");
  await mortal.restart();
  await mortal.say("drained", 10);
  await subscriber.reaches(12, 30_000);
  assert.notEqual(why, "it did not");
  assert.equal(proveContiguous(subscriber.events, 3), 12);
  await subscriber.hub.stop();
  await mortal.stop();
});

test("stateful reconnect: the socket is cut in mid-stream, and the subscriber does nothing at all", async () => {
  await server.campaign("stateful");
  const how = { transport: 1, stateful: true, reconnect: [] };
  const subscriber = await Subscriber.start(wire.url("/hubs/campaign"), how);
  await subscriber.hub.invoke("SubscribeToCampaign", "stateful");
  const id = subscriber.hub.connectionId;
  for (let cut = 0; cut < 5; cut++) {
    const saying = server.say("stateful", 400);
    await until(() => subscriber.events.length > cut * 400 + 20, "some events");
    wire.cut();
    await saying;
    await subscriber.reaches(402 + cut * 400, 30_000);
  }
  assert.equal(proveContiguous(subscriber.events, 3), 2_002);
  assert.equal(subscriber.hub.connectionId, id);
  await subscriber.hub.stop();
});

test("a reconnect is restored in less than three seconds", async () => {
  await server.campaign("quick");
  const subscriber = await faithful(wire.url("/hubs/campaign"), "quick");
  await server.say("quick", 500);
  await subscriber.reaches(502);
  const started = performance.now();
  wire.cut();
  await server.say("quick", 500);
  await subscriber.reaches(1_002);
  const took = performance.now() - started;
  assert.ok(took < 3_000, `${took} ms`);
  await subscriber.hub.stop();
});

test("a snapshot of a long campaign is there at once", async () => {
  await server.campaign("long");
  for (let agent = 0; agent < 50; agent++) await server.agent("long", `long-${agent}`, `Agent ${agent}`);
  await server.say("long", 5_000);
  const subscriber = await Subscriber.start(server.hub);
  const started = performance.now();
  const snapshot = await subscriber.hub.invoke("GetCampaignSnapshot", "long");
  const took = performance.now() - started;
  assert.deepEqual([snapshot.lastEventSequence, snapshot.runs.length], [5_102, 51]);
  assert.ok(took < 500, `${took} ms`);
  await subscriber.hub.stop();
});
