// Pages of other origins: those that are configured get in with credentials, others do not.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Milepost } from "../support/milepost.js";

const trusted = "http://app.example";
let server;
before(async () => (server = await Milepost.start({ MILEPOST_CORS__ORIGINS: trusted })));
after(() => server.stop());

const negotiate = (origin, method = "POST", headers = {}) =>
  fetch(`${server.hub}/negotiate?negotiateVersion=1`, { method, headers: { origin, ...headers } });

test("a configured origin may negotiate, with credentials", async () => {
  const asking = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "x-requested-with,x-signalr-user-agent",
  };
  const preflight = await negotiate(trusted, "OPTIONS", asking);
  assert.ok(preflight.ok, `${preflight.status}`);
  assert.equal(preflight.headers.get("access-control-allow-origin"), trusted);
  assert.equal(preflight.headers.get("access-control-allow-credentials"), "true");
  const allowed = preflight.headers.get("access-control-allow-headers");
  assert.match(allowed, /x-requested-with/i);
  assert.match(allowed, /x-signalr-user-agent/i);

  const answer = await negotiate(trusted);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get("access-control-allow-origin"), trusted);
});

test("another origin may not", async () => {
  const answer = await negotiate("http://evil.example");
  assert.equal(answer.status, 403);
  assert.equal(answer.headers.get("access-control-allow-origin"), null);
});

for (const [origin, outcome] of [
  [trusted, "open"],
  ["http://evil.example", "403"],
  [undefined, "open"],
]) {
  test(`a WebSocket from ${origin ?? "no page"}: ${outcome}`, async () => {
    const url = `${server.hub.replace("http", "ws")}`;
    const seen = await new Promise((resolve) => {
      const socket = new WebSocket(url, { origin });
      socket.on("open", () => {
        resolve("open");
        socket.terminate();
      });
      socket.on("unexpected-response", (request, response) => {
        resolve(`${response.statusCode}`);
        request.destroy();
      });
      socket.on("error", () => {});
    });
    assert.equal(seen, outcome);
  });
}
