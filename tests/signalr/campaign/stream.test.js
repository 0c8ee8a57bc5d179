// A campaign as the stream of one call.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import WebSocket from "ws";
import { proveContiguous } from "../support/campaign.js";
import { collect, connected, currently, until } from "../support/clients.js";
import { Milepost } from "../support/milepost.js";

let server;
before(async () => (server = await Milepost.start()));
after(() => server.stop());

for (const how of currently) {
  describe(how.name, { concurrency: true }, () => {
    const id = `stream-${how.name.replaceAll(/[^a-z0-9]/gi, "-")}`;

    test("streams every event, and ends with the campaign", () =>
      connected(server.hub, how, async (hub) => {
        await server.campaign(id);
        const [whole, tail] = [
          collect(hub.stream("StreamCampaign", id)),
          collect(hub.stream("StreamCampaign", id, 1)),
        ];
        await server.say(id, 300);
        await server.publish(id, [{ type: "run.completed", data: {} }]);
        assert.equal(proveContiguous(await whole, 1), 303);
        assert.equal(proveContiguous(await tail, 2), 303);
      }));

    test("may be cancelled, and the connection goes on", () =>
      connected(server.hub, how, async (hub) => {
        await server.campaign(`${id}-cancelled`);
        const seen = [];
        const subscription = hub
          .stream("StreamCampaign", `${id}-cancelled`)
          .subscribe({ next: (item) => seen.push(item), complete() {}, error() {} });
        await until(() => seen.length === 2, "the beginning");
        subscription.dispose();
        await server.say(`${id}-cancelled`, 10);
        assert.equal((await hub.invoke("GetCampaignSnapshot", `${id}-cancelled`)).lastEventSequence, 12);
        assert.equal(seen.length, 2);
      }));
  });
}

test("a campaign that does not exist yet is waited for", () =>
  connected(server.hub, {}, async (hub) => {
    const stream = collect(hub.stream("StreamCampaign", "later"));
    await server.campaign("later");
    await server.publish("later", [{ type: "run.completed", data: {} }]);
    assert.equal(proveContiguous(await stream, 1), 3);
  }));

test("a slow reader is given everything it has not missed, and slows nobody", async () => {
  await server.campaign("slow");
  const socket = new WebSocket(server.hub.replace("http", "ws"));
  await once(socket, "open");
  const texts = [];
  socket.on("message", (data) => texts.push(...data.toString().split("\u001e").filter(Boolean)));
  socket.send('{"protocol":"json","version":1}\u001e');
  socket.send('{"type":1,"target":"SubscribeToCampaign","arguments":["slow"]}\u001e');
  await until(() => texts.length === 2, "the snapshot");
  socket._socket.pause();

  await connected(server.hub, {}, async (hub) => {
    const quick = collect(hub.stream("StreamCampaign", "slow"));
    const padding = "x".repeat(1_000);
    for (let said = 0; said < 20_000; said += 500) {
      await server.publish(
        "slow",
        Array.from({ length: 500 }, () => ({ type: "x.said", data: { padding } })),
      );
    }
    await server.publish("slow", [{ type: "run.completed", data: {} }]);
    assert.equal(proveContiguous(await quick, 1), 20_003);
  });

  socket._socket.resume();
  // What it cannot have any more, a snapshot stands for.
  const heard = () => texts.map((text) => JSON.parse(text)).filter(({ target }) => target);
  const over = ({ arguments: [event] }) => event.sequence === 20_003 || event.lastEventSequence === 20_003;
  await until(() => texts.length > 3 && heard().some(over), "the end", 30_000);
  let last;
  for (const {
    arguments: [event],
  } of heard()) {
    if (event.lastEventSequence === undefined) assert.equal(event.coalescedFrom ?? event.sequence, last + 1);
    last = event.sequence ?? event.lastEventSequence;
  }
  socket.terminate();
});
