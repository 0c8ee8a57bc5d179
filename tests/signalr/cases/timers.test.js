// Keep-alive and timeouts, with a hub that hurries.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connection, current, currently, events, until } from "../support/clients.js";
import { start } from "../support/server.js";

let server;
before(async () => (server = await start()));
after(() => server.stop());

describe("timers", { concurrency: true }, () => {
  for (const how of currently) {
    test(`a quiet connection lives, ${how.name}`, async () => {
      const hub = connection(`${server.url}/impatient`, how);
      hub.serverTimeoutInMilliseconds = 500;
      hub.keepAliveIntervalInMilliseconds = 200;
      const seen = events(hub);
      await hub.start();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      assert.deepEqual(seen, []);
      assert.equal(await hub.invoke("Add", 1, 2), 3);
      await hub.stop();
    });
  }

  test("a client that falls silent is told to come again", async () => {
    const transport = current.HttpTransportType.WebSockets;
    const hub = connection(`${server.url}/impatient`, { transport, reconnect: [0] });
    // One ping goes out after the handshake; then nothing for much longer than the server waits.
    hub.keepAliveIntervalInMilliseconds = 60_000;
    const seen = events(hub);
    await hub.start();
    await until(() => seen.some(([event]) => event === "reconnected"), "the new connection");
    assert.equal(seen[0][1], "Server returned an error on close: Connection closed with an error.");
    await hub.stop();
  });
});
