/** The server dies in the middle of a run, and the page neither notices for long nor misses anything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, picture, until } from "./harness/browser.mjs";
import { folded, seen } from "./harness/runs.mjs";
import { browser, runs, server } from "./harness/stage.mjs";

const RESTORED_MS = 3_000;
test("a killed server that comes back is followed on, and the page's state is the server's at each sequence", async () => {
  await runs.create("long", { name: "A long journey" });
  for (const part of ["a", "b", "c"]) {
    const id = `long.${part}`;
    await runs.publish("long", {
      type: "run.created",
      run: id,
      data: { kind: "leg", parent: "long", name: `Leg ${part}` },
    });
    await runs.publish("long", { type: "run.started", run: id });
  }
  const page = await open(browser, `${server.url}/runs/long`);
  await page.locator('.connection[data-status="live"]').waitFor();
  await page.evaluate(() => {
    globalThis.notReloaded = true;
  });
  for (let step = 1; step <= 10; step += 1) await stepAndCompare(page, step);

  await server.kill();
  await page.locator('.connection[data-status="reconnecting"]').waitFor();
  // What was seen stays, and the page says that it may be old.
  await page.getByText("Connection lost.").waitFor();
  assert.equal(await page.locator('[role="treeitem"]').count(), 4);
  await picture(page, "run-reconnecting");

  await server.restart();
  // Written while the page is still waiting to try again: it has to come by the log.
  await runs.publish("long", { type: "x.while_away", data: { n: 1 } });
  const expected = folded(await runs.snapshot("long"));
  const began = performance.now();
  await until(
    "the page to be restored",
    async () => (await seen(page, "long"))?.seq === expected.seq,
    RESTORED_MS,
  );
  const took = performance.now() - began;
  assert.ok(took < RESTORED_MS, `restored after ${took} ms`);
  assert.deepEqual(folded((await seen(page, "long")).snapshot), expected);
  await page.locator('.connection[data-status="live"]').waitFor();

  for (let step = 11; step <= 20; step += 1) await stepAndCompare(page, step);
  assert.equal(await page.evaluate(() => globalThis.notReloaded), true);
  assert.deepEqual(page.errors, []);
});

test("the list comes back as well", async () => {
  const page = await open(browser, server.url);
  await page.locator('[data-run="long"]').waitFor();
  await server.kill();
  await page.locator('.connection[data-status="reconnecting"]').waitFor();
  await server.restart();
  await runs.create("after", { name: "After the restart" });
  await page.locator('[data-run="after"]').waitFor({ timeout: RESTORED_MS });
  assert.deepEqual(page.errors, []);
});

/** One change of several kinds, after which the page has to have exactly what the server has. */
async function stepAndCompare(page, step) {
  const leg = `long.${"abc"[step % 3]}`;
  await runs.publish(
    "long",
    { type: "run.progressed", run: leg, data: { current: step, total: 40, message: `Milepost ${step}` } },
    { type: "state.updated", run: leg, data: { key: "step", value: step } },
    { type: "message.appended", run: leg, data: { message: "diary", content: `${step}. ` } },
  );
  const expected = folded(await runs.snapshot("long"));
  await until(
    `sequence ${expected.seq}`,
    async () => (await seen(page, "long"))?.seq === expected.seq,
    5_000,
  );
  assert.deepEqual(folded((await seen(page, "long")).snapshot), expected, `at sequence ${expected.seq}`);
}
