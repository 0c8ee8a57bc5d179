// The script of docs/campaigns.md does what stands there.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Milepost } from "../support/milepost.js";

let server;
before(async () => (server = await Milepost.start()));
after(() => server.stop());

test("a campaign is watched from its first event to its audit, and what it made is there", async () => {
  const page = await readFile(new URL("../../../docs/campaigns.md", import.meta.url), "utf8");
  const script = page.match(/```js\n(.*?)```/s)[1].replace("http://127.0.0.1:6453", server.url);
  // From here, so that the client is found.
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  const node = ["--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, node, { cwd, timeout: 60_000 });

  // The client itself tells when it connects and ends.
  const lines = stdout.split("\n").filter((line) => /^\d/.test(line));
  assert.match(lines[0], /^1 .*Queued 0$/);
  assert.match(lines.at(-1), /Audited 1$/);
  const ready = lines.flatMap((line) => line.match(/http:.*\/artifacts\/.*/) ?? []);
  for (const name of ["post-1.md", "post-2.md", "image-1.png", "campaign.png"]) {
    const url = ready.find((url) => url.endsWith(name));
    assert.ok(url, `${name} among ${ready}`);
    assert.equal((await fetch(url)).status, 200);
  }
});
