/** What a person sees without touching anything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, openIn, picture, until } from "./harness/browser.mjs";
import { folded, Runs, seen } from "./harness/runs.mjs";
import { browser, runs, server } from "./harness/stage.mjs";

test("progress moves on the list and on the page of the run, without a reload", async () => {
  const list = await open(browser, server.url);
  await list.getByText("Nothing has run here yet").waitFor();
  await picture(list, "list-empty");
  await runs.create("bread", { name: "Bake the bread" });
  const row = list.locator('[data-run="bread"]');
  await row.waitFor();
  const page = await openIn(list.context(), `${server.url}/runs/bread`);
  for (const [current, percent] of [
    [1, "10%"],
    [4, "40%"],
    [10, "100%"],
  ]) {
    await runs.progress("bread", current, 10, `Loaf ${current}`, { stage: "Oven", unit: "loaves" });
    await row.getByText(percent).waitFor();
    await row.getByText(`Oven · Loaf ${current}`).waitFor();
    await page.locator(".run-head-percent", { hasText: percent }).waitFor();
  }
  await runs.publish("bread", { type: "run.completed", data: { result: { loaves: 10 } } });
  await row.locator('[aria-label="Completed"]').waitFor();
  await page.locator(".facts").getByText("Completed").waitFor();
  await page.locator('.connection[data-status="ended"]').waitFor();
  assert.deepEqual([...list.errors, ...page.errors], []);
  await list.context().close();
});

test("two tabs show the same, and a cancellation in its two phases, in order", async () => {
  await runs.create("wrong", { name: "The wrong branch" });
  await runs.publish("wrong", {
    type: "run.created",
    run: "wrong.1",
    data: { kind: "step", parent: "wrong", name: "First step" },
  });
  await runs.publish("wrong", { type: "run.started", run: "wrong.1" });
  const one = await open(browser, `${server.url}/runs/wrong`);
  const two = await openIn(one.context(), `${server.url}/runs/wrong`);
  const tabs = [one, two];
  for (const tab of tabs) await recordStates(tab);
  await one.getByRole("button", { name: "Cancel", exact: true }).click();
  await one.getByLabel("Reason").fill("it is the old one");
  await one.getByRole("button", { name: "Cancel the run" }).click();
  for (const tab of tabs) {
    await tab.getByText("Waiting for the worker").waitFor();
    await tab.getByText("it is the old one").waitFor();
  }
  await picture(one, "run-cancelling");
  await runs.publish("wrong", { type: "run.cancelled" });
  for (const tab of tabs) {
    await tab.locator(".steps").getByText("Acknowledged").waitFor();
    assert.deepEqual(await tab.evaluate(() => globalThis.states), ["Running", "Cancelling", "Cancelled"]);
    assert.deepEqual(folded((await seen(tab, "wrong")).snapshot), folded(await runs.snapshot("wrong")));
    assert.deepEqual(tab.errors, []);
  }
  await picture(two, "run-cancelled");
  await one.context().close();
});

test("a network that is gone and comes back leaves no gap", async () => {
  await runs.create("away", { name: "While you were away" });
  const page = await open(browser, `${server.url}/runs/away`);
  await page.locator('.connection[data-status="live"]').waitFor();
  await page.context().setOffline(true);
  for (let step = 1; step <= 20; step += 1) {
    await runs.publish("away", { type: "x.step", data: { step } });
    await runs.progress("away", step, 20, `Step ${step}`);
  }
  await page.context().setOffline(false);
  await caughtUp(page, "away", 5_000);
  await page.locator('.connection[data-status="live"]').waitFor();
  await runs.progress("away", 20, 20, "Here again");
  await page.locator(".run-head-line", { hasText: "Here again" }).waitFor();
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("links lead to the same thing: filters, project, selected run, tab", async () => {
  const other = new Runs(server, "bakery");
  await other.create("rye", { name: "Rye", kind: "bake" });
  await other.create("cake", { name: "Cake", kind: "sweet" });
  await other.publish("rye", {
    type: "run.created",
    run: "rye.1",
    data: { kind: "step", parent: "rye", name: "Knead" },
  });
  const list = await open(browser, `${server.url}/?project=bakery&kind=bake&state=running&q=ry`);
  await list.locator('[data-run="rye"]').waitFor();
  assert.equal(await list.locator(".run-row").count(), 1);
  await list.locator('[data-run="rye"]').click();
  await list.waitForURL(/\/runs\/rye\?project=bakery$/);
  await list.locator('[role="treeitem"]', { hasText: "Knead" }).click();
  await list.getByRole("tab", { name: /Events/ }).click();
  const link = list.url();
  const copy = await openIn(list.context(), link);
  await copy.locator('[role="tab"][aria-selected="true"]', { hasText: "Events" }).waitFor();
  await copy.getByRole("tab", { name: /Runs/ }).click();
  await copy.locator('[role="treeitem"][aria-selected="true"]', { hasText: "Knead" }).waitFor();
  // A part of a tree is shown within its tree.
  await copy.goto(`${server.url}/runs/rye.1?project=bakery`);
  await copy.waitForURL(/\/runs\/rye\?run=rye.1&project=bakery$/);
  // What is in another project is not here.
  await copy.goto(`${server.url}/runs/rye`);
  await copy.getByText("There is no run of this name here").waitFor();
  await picture(copy, "run-not-found");
  await list.context().close();
});

/** Notes each state that the page of a run has shown. */
async function recordStates(page) {
  await page.locator(".facts .state-word").waitFor();
  await page.evaluate(() => {
    const read = () => document.querySelector(".facts .state-word")?.textContent;
    globalThis.states = [read()];
    new MutationObserver(() => {
      const state = read();
      if (state && globalThis.states.at(-1) !== state) globalThis.states.push(state);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}

async function caughtUp(page, run, timeout) {
  const expected = folded(await runs.snapshot(run));
  await until(
    `the page to stand at ${expected.seq}`,
    async () => (await seen(page, run))?.seq === expected.seq,
    timeout,
  );
  assert.deepEqual(folded((await seen(page, run)).snapshot), expected);
}
