// A lot at once: order, groups, many connections, slow readers.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  collect,
  combinations,
  connected,
  connection,
  current,
  currently,
  until,
} from "../support/clients.js";
import { start } from "../support/server.js";

let server;
before(async () => (server = await start()));
after(() => server.stop());

const numbers = (count) => Array.from({ length: count }, (_, index) => index);

for (const how of currently) {
  describe(how.name, () => {
    const use = (does) => connected(`${server.url}/testhub`, how, does);

    test("10 000 messages arrive once and in order", () =>
      use(async (hub) => {
        const heard = [];
        hub.on("Number", (number) => heard.push(number));
        await hub.invoke("Flood", 10_000);
        assert.deepEqual(heard, numbers(10_000));
      }));

    test("1 000 calls are carried out in order", () =>
      use(async (hub) => {
        const sent = numbers(1_000).map((number) => hub.send("Note", number));
        await Promise.all(sent);
        assert.deepEqual(await hub.invoke("Noted"), numbers(1_000));
      }));

    test("calls overtake a stream that is read slowly", () =>
      use(async (hub) => {
        const all = collect(hub.stream("Padded", 2_000, 1_000));
        for (const number of numbers(20)) assert.equal(await hub.invoke("Add", number, 1), number + 1);
        const items = await all;
        assert.deepEqual(
          items.map(([number]) => number),
          numbers(2_000),
        );
      }));

    test("an attached source is detached for good", () =>
      use(async (hub) => {
        const heard = [];
        hub.on("Tick", (number) => heard.push(number));
        await hub.invoke("Subscribe");
        await until(() => heard.length > 100, "a hundred ticks");
        await hub.invoke("Unsubscribe");
        const count = heard.length;
        await hub.invoke("Add", 1, 1);
        assert.equal(heard.length, count);
        assert.deepEqual(heard, numbers(count));
      }));
  });
}

describe("many", { concurrency: true }, () => {
  test("groups hear what is theirs, whatever the client, transport and protocol", async () => {
    const members = await Promise.all(
      combinations.flatMap((how) =>
        ["odd", "even"].map(async (group) => {
          const hub = connection(`${server.url}/plainhub`, how);
          const heard = [];
          hub.on("GroupMessage", (group, text) => heard.push(`${group} ${text}`));
          await hub.start();
          await hub.invoke("Join", group);
          return { hub, group, heard };
        }),
      ),
    );
    for (const number of numbers(100)) {
      const to = number % 2 ? "odd" : "even";
      assert.equal(await members[0].hub.invoke("SendToGroup", to, String(number)), members.length / 2);
    }
    const wanted = (group) =>
      numbers(100)
        .filter((number) => number % 2 === (group === "odd" ? 1 : 0))
        .map((number) => `${group} ${number}`);
    for (const { hub, group, heard } of members) {
      await until(() => heard.length >= 50, "fifty messages");
      assert.deepEqual(heard, wanted(group));
      await hub.stop();
    }
  });

  test("100 connections at once", async () => {
    const transport = current.HttpTransportType.WebSockets;
    await Promise.all(
      numbers(100).map((number) =>
        connected(`${server.url}/stateless`, { transport }, async (hub) => {
          const heard = [];
          hub.on("Number", (n) => heard.push(n));
          await hub.invoke("Flood", 50);
          assert.deepEqual(heard, numbers(50));
          assert.equal(await hub.invoke("Add", number, 1), number + 1);
        }),
      ),
    );
  });

  test("one hears what the others say", async () => {
    const transport = current.HttpTransportType.LongPolling;
    await connected(`${server.url}/impatient`, { transport }, (a) =>
      connected(`${server.url}/impatient`, {}, async (b) => {
        const heard = { a: [], b: [] };
        a.on("Message", (text) => heard.a.push(text));
        b.on("Message", (text) => heard.b.push(text));
        assert.equal(await a.invoke("SendToOthers", "hello"), 1);
        assert.equal(await b.invoke("SendTo", a.connectionId, "hi"), 1);
        await until(() => heard.a.length && heard.b.length, "both messages");
        assert.deepEqual(heard, { a: ["hi"], b: ["hello"] });
      }),
    );
  });
});
