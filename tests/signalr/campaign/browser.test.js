// A page of another origin in a real browser, with the official client.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Milepost } from "../support/milepost.js";
import { missing, Pages } from "../support/pages.js";

/** Long enough for the third attempt of an automatic reconnect. */
const timeout = 30_000;

const example = { path: "/", protocol: "JSON" };
const messagepack = { path: "/test/messagepack.html", protocol: "MessagePack" };
const ways = [
  { ...example, transport: "web_sockets", without: [] },
  { ...example, transport: "server_sent_events", without: ["WebSocket"] },
  { ...example, transport: "long_polling", without: ["WebSocket", "EventSource"] },
  { ...messagepack, transport: "web_sockets", without: [] },
  { ...messagepack, transport: "long_polling", without: ["WebSocket", "EventSource"] },
];

let pages;
describe("a page in Chromium", { skip: missing, concurrency: true }, () => {
  before(async () => (pages = await Pages.start()));
  after(() => pages.stop());

  for (const { path, protocol, transport, without } of ways) {
    test(`shows a campaign live, and all of it after the server was killed: ${transport}, ${protocol}`, async (t) => {
      const server = await start(t);
      const page = await pages.open(path, { server: server.url, campaign: "spring" }, { without });
      await shows(page, "Running");
      assert.deepEqual(await connections(server), [transport]);
      await page.evaluate(() => (globalThis.loaded = "once"));

      await server.agent("spring", "writer", "Writer");
      await server.publish("writer", [
        { type: "run.progressed", data: { current: 1, total: 2, stage: "Writing", message: "Post 1 of 2" } },
        {
          type: "artifact.ready",
          data: {
            artifact: "post-1",
            artifact_type: "post",
            name: "Post 1",
            media_type: "text/plain",
            size: 16,
          },
        },
      ]);
      await server.say("spring", 200);
      await reaches(page, 206);
      await server.kill();
      await server.restart();
      await server.say("spring", 200);
      await server.publish("spring", [{ type: "run.completed", data: {} }]);

      await reaches(page, 408);
      await shows(page, "Completed");
      assert.deepEqual(
        await sequences(page),
        Array.from({ length: 406 }, (_, index) => index + 3),
      );
      assert.equal(await page.evaluate(() => globalThis.loaded), "once");
      if (process.env.SCREENSHOTS)
        await page.screenshot({ path: `${process.env.SCREENSHOTS}/${protocol}-${transport}.png` });
    });
  }

  test("of an origin that is not configured is refused", async (t) => {
    const server = await start(t);
    const page = await pages.open("/", { server: server.url, campaign: "spring" }, { host: "localhost" });
    await shows(page, /Failed to complete negotiation/);
    const socket = await page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => resolve("open");
          socket.onerror = () => resolve("refused");
        }),
      server.hub.replace("http", "ws"),
    );
    assert.equal(socket, "refused");
    assert.deepEqual(await sequences(page), []);
  });
});

/** A server with a campaign, for the pages of the one origin. */
async function start(t) {
  const server = await Milepost.start({ MILEPOST_CORS__ORIGINS: pages.origin() });
  t.after(() => server.stop());
  await server.campaign("spring");
  return server;
}

function shows(page, text) {
  return page.locator("#state").filter({ hasText: text }).waitFor({ timeout });
}

function reaches(page, sequence) {
  return page.locator(`li[value="${sequence}"]`).waitFor({ timeout, state: "attached" });
}

/** What the page has shown, in the order in which it came. */
function sequences(page) {
  return page.locator("li").evaluateAll((lines) => lines.map(({ value }) => value).reverse());
}

/** The transports of the connections that are open. */
async function connections(server) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const open = text.matchAll(/^signalr_server_active_connections\{signalr_transport="(\w+)"\} [1-9]/gm);
  return [...open].map(([, transport]) => transport);
}
