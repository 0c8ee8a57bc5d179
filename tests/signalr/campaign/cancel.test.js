// Cancellation is a handshake, and its end is told once.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { proveContiguous, Subscriber } from "../support/campaign.js";
import { until } from "../support/clients.js";
import { Milepost } from "../support/milepost.js";

let server;
before(async () => (server = await Milepost.start()));
after(() => server.stop());

const kinds = (subscriber) =>
  subscriber.heard.map(([callback, argument]) => argument.eventType ?? argument.status ?? callback);

test("asked for, then acknowledged, once for every subscriber; nothing follows but audit", async () => {
  await server.campaign("c1");
  await server.agent("c1", "c1-writer", "Writer");
  const [one, two] = await Promise.all([
    Subscriber.start(server.hub),
    Subscriber.start(server.hub, { transport: 4 }),
  ]);
  for (const { hub } of [one, two]) await hub.invoke("SubscribeToCampaign", "c1");

  await one.hub.invoke("CancelRun", "c1", "changed my mind");
  await one.hub.invoke("CancelRun", "c1", "and again");
  await one.reaches(5);
  await assert.rejects(server.publish("c1-writer", [{ type: "run.progressed", data: { current: 1 } }]), {
    code: "run_cancelling",
  });
  await server.publish("c1", [
    { type: "run.cancelled", data: {} },
    { type: "run.audit_started", data: {} },
    { type: "run.audited", data: { verdict: "stopped" } },
  ]);
  for (const subscriber of [one, two]) {
    await subscriber.reaches(9);
    assert.deepEqual(kinds(subscriber), [
      "ReceiveCampaignSnapshot",
      "Cancelling",
      "Cancelled",
      "Cancelled",
      "ReceiveCancellationAcknowledgement",
      "AuditStarted",
      "Audited",
    ]);
    assert.deepEqual(subscriber.of("ReceiveCancellationAcknowledgement"), ["c1"]);
    const [first, root] = subscriber.events.filter(({ eventType }) => eventType === "Cancelled");
    assert.deepEqual([first.runId, root.runId], ["c1-writer", "c1"], "what is below comes first");
    assert.equal(proveContiguous(subscriber.events, 5), 9);
    await subscriber.hub.stop();
  }
});

test("cancelling one job acknowledges that job and leaves the others", async () => {
  await server.campaign("c2");
  await server.agent("c2", "c2-text", "text");
  await server.agent("c2", "c2-image", "image");
  const subscriber = await Subscriber.start(server.hub);
  await subscriber.hub.invoke("SubscribeToCampaign", "c2");
  await subscriber.hub.invoke("CancelRun", "c2-image");
  await server.publish("c2-image", [{ type: "run.cancelled", data: {} }]);
  await server.publish("c2-text", [{ type: "run.completed", data: {} }]);
  await subscriber.reaches(9);
  assert.deepEqual(subscriber.of("ReceiveCancellationAcknowledgement"), ["c2-image"]);
  assert.deepEqual(kinds(subscriber).slice(1), [
    "Cancelling",
    "Cancelled",
    "ReceiveCancellationAcknowledgement",
    "Completed",
  ]);
  await subscriber.hub.stop();
});

test("who comes back between request and acknowledgement is told as well", async () => {
  await server.campaign("c3");
  const first = await Subscriber.start(server.hub);
  await first.hub.invoke("SubscribeToCampaign", "c3");
  await first.hub.invoke("CancelRun", "c3");
  await first.reaches(3);
  await first.hub.stop();
  await server.publish("c3", [{ type: "run.cancelled", data: {} }]);

  const second = await Subscriber.start(server.hub);
  await second.hub.invoke("SubscribeToCampaign", "c3", first.last);
  await until(() => second.of("ReceiveCancellationAcknowledgement").length > 0, "the acknowledgement");
  assert.deepEqual(kinds(second), ["Cancelled", "ReceiveCancellationAcknowledgement"]);
  await second.hub.stop();
});
