/** How the server hands the app out. */
import assert from "node:assert/strict";
import { get as httpGet } from "node:http";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Server } from "../support/server.mjs";

const HTML = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

let server;

before(async () => {
  server = await Server.start();
});

after(() => server?.stop());

test("pages of the app are the app, and nothing else is", async () => {
  for (const path of ["/", "/runs", "/runs/a.b", "/campaigns/c1", "/new/ingest", "/new/campaign"]) {
    const { status, headers, body } = await get(path, HTML);
    assert.equal(status, 200, path);
    assert.equal(headers["content-type"], "text/html; charset=utf-8", path);
    assert.match(body.toString(), /<div id="app">/, path);
  }
  for (const path of [
    "/nowhere",
    "/api/v1/nowhere",
    "/v1/nowhere",
    "/assets/nothing.js",
    "/v1/projects/default/runs/none",
  ]) {
    const { status, headers } = await get(path, HTML);
    assert.equal(status, 404, path);
    assert.equal(headers["content-type"], "application/problem+json", path);
  }
  assert.equal((await get("/runs/a", { accept: "application/json" })).status, 404);
});

test("what has a hash in its name is kept for ever, and the document never without asking", async () => {
  const { headers, body } = await get("/", HTML);
  assert.equal(headers["cache-control"], "no-cache");
  const again = await get("/", { ...HTML, "if-none-match": headers.etag });
  assert.deepEqual([again.status, again.body.length], [304, 0]);
  const assets = [...body.toString().matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1]);
  assert.ok(assets.length >= 2, String(assets));
  for (const path of assets) {
    const plain = await get(path);
    const packed = await get(path, { "accept-encoding": "gzip" });
    assert.equal(plain.headers["cache-control"], "public, max-age=31536000, immutable");
    assert.equal(packed.headers["content-encoding"], "gzip");
    assert.equal(packed.headers.vary, "accept-encoding");
    assert.notEqual(packed.headers.etag, plain.headers.etag);
    assert.ok(gunzipSync(packed.body).equals(plain.body), path);
    assert.ok(packed.body.length < plain.body.length / 2, path);
  }
});

test("the policy lets nothing run but what the server sends", async () => {
  const { headers, body } = await get("/", HTML);
  const policy = headers["content-security-policy"];
  assert.doesNotMatch(policy, /unsafe|data:|\*|https?:/);
  for (const part of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "require-trusted-types-for 'script'",
  ]) {
    assert.ok(policy.includes(part), part);
  }
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.doesNotMatch(body.toString(), /<style|style="|<script>(?!<)/);
});

/** Without the conveniences of `fetch`, which unpacks. */
function get(path, headers = {}) {
  return new Promise((resolve, reject) => {
    httpGet(server.url + path, { headers }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    }).on("error", reject);
  });
}
