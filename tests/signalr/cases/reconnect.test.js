// Connections that break, and what becomes of them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { collect, combinations, connection, current, currently, events, until } from "../support/clients.js";
import { start } from "../support/server.js";
import { Wire } from "../support/wire.js";

let server;
before(async () => (server = await start()));
after(() => server.stop());

const { WebSockets } = current.HttpTransportType;
const sockets = currently.filter(({ transport }) => transport === WebSockets);
const numbers = (count) => Array.from({ length: count }, (_, index) => index);

for (const how of sockets) {
  describe(`stateful reconnect, ${how.protocol}`, { concurrency: true }, () => {
    const cutting = async (use) => {
      const wire = await Wire.to(server.url);
      const hub = connection(wire.url("/testhub"), { ...how, stateful: true });
      const seen = events(hub);
      await hub.start();
      const id = hub.connectionId;
      try {
        await use(hub, wire);
        assert.deepEqual(seen, []);
        assert.equal(hub.connectionId, id);
        assert.equal(await hub.invoke("GetCallerConnectionId"), id);
      } finally {
        await hub.stop();
        wire.stop();
      }
    };

    test("10 000 messages arrive once and in order, though the wire is cut again and again", () =>
      cutting(async (hub, wire) => {
        const heard = [];
        hub.on("Number", (number) => heard.push(number) % 1_000 === 500 && setImmediate(() => wire.cut()));
        assert.equal(await hub.invoke("Flood", 10_000, 20), 10_000);
        assert.deepEqual(heard, numbers(10_000));
        assert.ok(wire.connections > 2, `${wire.connections} connections`);
      }));

    test("what the client says arrives once and in order", () =>
      cutting(async (hub, wire) => {
        for (const number of numbers(500)) {
          await hub.send("Note", number);
          if (number % 100 === 50) wire.cut();
        }
        assert.deepEqual(await hub.invoke("Noted"), numbers(500));
      }));

    test("a stream goes on", () =>
      cutting(async (hub, wire) => {
        const items = await collect(hub.stream("Counter", 200, 2), (item) => item % 50 === 25 && wire.cut());
        assert.deepEqual(items, numbers(200));
      }));

    test("groups and state are kept", () =>
      cutting(async (hub, wire) => {
        const heard = [];
        hub.on("GroupMessage", (_group, text) => heard.push(text));
        await hub.invoke("Join", `kept-${how.protocol}`);
        wire.cut();
        await hub.invoke("SendToGroup", `kept-${how.protocol}`, "still here");
        await until(() => heard.length === 1, "the group's message");
        assert.deepEqual(heard, ["still here"]);
      }));
  });

  test(`a resumption that comes too late is a new connection, ${how.protocol}`, async () => {
    // The server forgets after 600 ms.
    const wire = await Wire.to(server.url);
    const hub = connection(wire.url("/impatient"), {
      ...how,
      stateful: true,
      reconnect: Array(100).fill(100),
    });
    const seen = events(hub);
    await hub.start();
    const before = hub.connectionId;
    wire.refusing = true;
    wire.cut();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    wire.refusing = false;
    await until(() => seen.some(([event]) => event === "reconnected"), "the new connection");
    assert.notEqual(hub.connectionId, before);
    assert.equal(await hub.invoke("Add", 1, 2), 3);
    await hub.stop();
    wire.stop();
  });
}

for (const how of currently) {
  describe(`automatic reconnect, ${how.name}`, { concurrency: true }, () => {
    test("a broken wire leads to a new connection", async () => {
      const wire = await Wire.to(server.url);
      const hub = connection(wire.url("/testhub"), { ...how, reconnect: [0, 50, 50] });
      const seen = events(hub);
      await hub.start();
      const before = hub.connectionId;
      wire.cut();
      await until(() => seen.some(([event]) => event === "reconnected"), "the new connection");
      assert.notEqual(hub.connectionId, before);
      assert.equal(await hub.invoke("GetCallerConnectionId"), hub.connectionId);
      await hub.stop();
      assert.deepEqual(
        seen.map(([event]) => event),
        ["reconnecting", "reconnected", "close"],
      );
      wire.stop();
    });

    test("an aborted connection stays closed", async () => {
      const hub = connection(`${server.url}/testhub`, { ...how, reconnect: [0, 50] });
      const seen = events(hub);
      await hub.start();
      await hub.send("Abort");
      await until(() => seen.length > 0, "the end");
      assert.deepEqual(seen, [["close", undefined]]);
    });

    test("a message that is too large ends the connection, and a new one begins", async () => {
      const hub = connection(`${server.url}/testhub`, { ...how, reconnect: [0, 50] });
      const seen = events(hub);
      await hub.start();
      await assert.rejects(hub.invoke("Echo", "x".repeat(110_000)));
      await until(() => seen.some(([event]) => event === "reconnected"), "the new connection");
      assert.match(seen[0][1], /The maximum message size of 102400B was exceeded/);
      assert.equal(await hub.invoke("Echo", "x".repeat(100_000)).then((text) => text.length), 100_000);
      await hub.stop();
    });
  });
}

describe("shutdown", () => {
  test("sends every client elsewhere", async () => {
    const clients = combinations
      .filter(({ version }) => version !== "5")
      .map((how) => {
        const hub = connection(`${server.url}/restartable`, { ...how, reconnect: [0] });
        return { how, hub, seen: events(hub) };
      });
    await Promise.all(clients.map(({ hub }) => hub.start()));
    await fetch(`${server.url}/restartable/shutdown`);
    for (const { how, seen } of clients) {
      await until(() => seen.some(([event]) => event === "close"), `${how.name} to give up`);
      // It tried, and found nobody.
      assert.equal(seen[0][0], "reconnecting", how.name);
    }
  });
});
