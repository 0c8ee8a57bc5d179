// Ways to a connection, and away from it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connected, connection, current, currently } from "../support/clients.js";
import { start } from "../support/server.js";

let server;
before(async () => (server = await start()));
after(() => server.stop());

const { WebSockets, LongPolling } = current.HttpTransportType;
const fails = (promise, message) => assert.rejects(promise, { message });
const connects = (path, how) => connection(server.url + path, how).start();

describe("negotiation", { concurrency: true }, () => {
  test("follows a redirection, with its token", () =>
    connected(`${server.url}/redirect`, { transport: LongPolling }, async (hub) => {
      assert.equal(await hub.invoke("GetNumRedirects"), 1);
      assert.equal(await hub.invoke("GetHeader", "Authorization"), "Bearer redirected");
    }));

  test("reports refusals", async () => {
    await fails(connects("/refused"), "not today");
    await fails(
      connects("/bad-negotiate"),
      "Failed to complete negotiation with the server: Error: Bad Request: Status code '400'",
    );
  });

  test("falls back when a transport is not there", () =>
    connected(`${server.url}/testhub-nowebsockets`, {}, async (hub) =>
      assert.equal(await hub.invoke("GetActiveTransportName"), "ServerSentEvents"),
    ));

  test("fails when the only transport asked for is not there", () =>
    assert.rejects(
      connects("/testhub-nowebsockets", { transport: WebSockets }),
      /Unable to connect to the server with any of the available transports/,
    ));

  test("can be skipped", () =>
    connected(
      `${server.url}/testhub`,
      { transport: WebSockets, options: { skipNegotiation: true } },
      async (hub) => {
        assert.equal(hub.connectionId, null);
        assert.equal((await hub.invoke("GetCallerConnectionId")).length, 22);
      },
    ));

  test("a hub that accepts nobody closes", async () => {
    const hub = connection(`${server.url}/uncreatable`, { transport: WebSockets });
    const closed = new Promise((resolve) => hub.onclose(resolve));
    // The news may come together with the answer to the handshake.
    const refused = hub.start().then(
      () => closed,
      (error) => error,
    );
    assert.equal(
      (await refused).message,
      "Server returned an error on close: Connection closed with an error.",
    );
  });
});

for (const how of currently) {
  describe(how.name, { concurrency: true }, () => {
    test("needs a token and gives one", async () => {
      const url = `${server.url}/authorizedhub`;
      await assert.rejects(connection(url, how).start(), /a token is needed: Status code '401'/);
      const options = { accessTokenFactory: () => Promise.resolve("let-me-in") };
      await connected(url, { ...how, options }, async (hub) =>
        assert.equal(await hub.invoke("Add", 1, 2), 3),
      );
    });

    test("sends headers", () =>
      connected(
        `${server.url}/testhub`,
        { ...how, options: { headers: { "X-Test": "42" } } },
        async (hub) => {
          assert.equal(await hub.invoke("GetHeader", "x-test"), "42");
          assert.equal(await hub.invoke("GetHeader", "x-absent"), null);
        },
      ));
  });
}

describe("the table of negotiation versions", () => {
  for (const [query, check] of [
    ["", { negotiateVersion: 0 }],
    ["?negotiateVersion=1", { negotiateVersion: 1 }],
    ["?negotiateVersion=2", { negotiateVersion: 1 }],
    ["?negotiateVersion=x", { error: "The client requested a non-integer protocol version." }],
    [
      "?negotiateVersion=-5",
      { error: "The client requested version '-5', but the server does not support this version." },
    ],
    ["?negotiateVersion=1&useStatefulReconnect=true", { useStatefulReconnect: true }],
  ]) {
    test(query || "(none)", async () => {
      const response = await fetch(`${server.url}/testhub/negotiate${query}`, { method: "POST" });
      assert.equal(response.status, 200);
      const text = await response.text();
      assert.equal(response.headers.get("content-length"), String(Buffer.byteLength(text)));
      const body = JSON.parse(text);
      for (const [key, value] of Object.entries(check)) assert.equal(body[key], value);
    });
  }
});
