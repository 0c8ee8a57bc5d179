// What clients in other languages are told of a campaign, from its snapshot to its end, with a cancellation on the way.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { java, noJava, noPython, python } from "../support/languages.js";
import { Milepost } from "../support/milepost.js";

let server;
before(async () => (server = await Milepost.start()));
after(() => server.stop());

// Over the transports and encodings in which a client hears everything: tests/signalr/python/client.py has the reasons.
const clients = [
  {
    name: "signalrcore",
    skip: noPython,
    ways: ["web_sockets text", "web_sockets binary", "server_sent_events text"],
    program: (...args) => python("campaign.py", ...args),
  },
  {
    name: "the Java client",
    skip: noJava,
    ways: ["WEBSOCKETS", "LONG_POLLING"],
    program: (...args) => java("Campaign", ...args),
  },
];

describe("a snapshot, events in order, one acknowledgement, and all of it again after a sequence", {
  concurrency: true,
}, () => {
  for (const { name, skip, ways, program } of clients) {
    for (const way of ways) {
      test(`${name}: ${way}`, { skip }, async () => {
        const campaign = way.replaceAll(/\W/g, "-");
        await server.campaign(campaign);
        await server.agent(campaign, `${campaign}-writer`, "Writer");
        await server.say(campaign, 96);
        const running = program(server.hub, campaign, ...way.split(" "));
        await Promise.all([running, cancelled(campaign)]);
      });
    }
  }
});

/** What the workers of a campaign do: one is asked to stop and says that it has, the others go on. */
async function cancelled(campaign) {
  const { commands } = await server.call("GET", `/runs/${campaign}-writer/control?wait=60`);
  assert.equal(commands[0].command, "cancel");
  await server.say(campaign, 50);
  await server.publish(campaign, [
    { type: "run.cancelled", run: `${campaign}-writer`, data: {} },
    { type: "run.completed", data: {} },
  ]);
}
