/** Much at once: many runs, a big tree, a long log. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, picture, until } from "./harness/browser.mjs";
import { Runs, seen } from "./harness/runs.mjs";
import { browser, server } from "./harness/stage.mjs";

test("fifty runs at once are all shown as they stand", async () => {
  const runs = new Runs(server, "fifty");
  const ids = Array.from({ length: 50 }, (_, index) => `run-${index}`);
  const page = await open(browser, `${server.url}/?project=fifty`);
  await page.getByText("Nothing has run here yet").waitFor();
  await Promise.all(ids.map((id) => runs.create(id, { name: `Run ${id}` })));
  for (let step = 1; step <= 10; step += 1) {
    await Promise.all(ids.map((id, index) => runs.progress(id, step, 10 + index, `Step ${step}`)));
  }
  const expected = Object.fromEntries(ids.map((id, index) => [id, `${Math.floor(1000 / (10 + index))}%`]));
  const shown = () =>
    page
      .locator(".run-row")
      .evaluateAll((rows) =>
        Object.fromEntries(
          rows.map((row) => [row.dataset.run, row.querySelector(".run-percent").textContent]),
        ),
      );
  await until(
    "all to be shown",
    async () => JSON.stringify(sorted(await shown())) === JSON.stringify(sorted(expected)),
  );
  await picture(page, "list-fifty");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("older runs come on demand, and newer ones by themselves", async () => {
  const runs = new Runs(server, "old");
  for (let index = 0; index < 130; index += 1) await runs.create(`old-${index}`);
  const page = await open(browser, `${server.url}/?project=old`);
  await page.locator('[data-run="old-129"]').waitFor();
  assert.equal(await page.locator(".run-row").count(), 100);
  await page.getByRole("button", { name: "Show older runs" }).click();
  await page.locator('[data-run="old-0"]').waitFor();
  await runs.create("new");
  await page.locator('[data-run="new"]').waitFor();
  assert.equal(await page.locator(".run-row").count(), 131);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("a tree of ten thousand runs has few rows in the document, and is walked by keys", async () => {
  const runs = new Runs(server, "big");
  await runs.create("big", { name: "A big tree", expected_children: 0 });
  const child = (index) => ({
    type: "run.created",
    run: `big.${index}`,
    data: { kind: "leaf", parent: "big", name: `Leaf ${index}` },
  });
  for (let from = 0; from < 9_999; from += 2_500) {
    await runs.publish(
      "big",
      ...Array.from({ length: Math.min(2_500, 9_999 - from) }, (_, index) => child(from + index)),
    );
  }
  const page = await open(browser, `${server.url}/runs/big?project=big`);
  await page.locator('[role="treeitem"]').first().waitFor();
  assert.ok((await page.locator('[role="treeitem"]').count()) < 80);
  await page.getByRole("tree").focus();
  await page.keyboard.press("End");
  await page.locator('[role="treeitem"][aria-selected="true"]', { hasText: "Leaf 9998" }).waitFor();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowLeft");
  await page.locator('[role="treeitem"][aria-expanded="false"]').waitFor();
  assert.equal(await page.locator('[role="treeitem"]').count(), 1);
  await page.keyboard.press("ArrowRight");
  await page.locator('[role="treeitem"]', { hasText: "Leaf 3" }).first().waitFor();

  await page.getByRole("tab", { name: /Events/ }).click();
  await page.locator('[data-seq="10001"] .log-type').waitFor();
  assert.ok((await page.locator(".log-row").count()) < 80);
  await page.getByPlaceholder("sequence").fill("5000");
  await page.keyboard.press("Enter");
  await page.locator('[data-seq="5000"] .log-type', { hasText: "run.created" }).waitFor();
  await picture(page, "log-long");
  assert.equal((await seen(page, "big")).snapshot.runs.length, 10_000);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("the log follows its end", async () => {
  const runs = new Runs(server, "tail");
  await runs.create("tail");
  const page = await open(browser, `${server.url}/runs/tail?project=tail&tab=events`);
  await page.locator('[data-seq="2"] .log-type').waitFor();
  for (let n = 3; n <= 300; n += 1) await runs.publish("tail", { type: "x.tick", data: { n } });
  await page.locator('[data-seq="300"] .log-text', { hasText: '{"n":300}' }).waitFor();
  await page.locator('[data-seq="300"]').click();
  await page.getByRole("dialog").getByText("#300 x.tick").waitFor();
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

function sorted(record) {
  return Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1));
}
