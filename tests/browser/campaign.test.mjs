/** A campaign as somebody without a terminal orders it: from the form to the last picture. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, openIn, picture, until } from "./harness/browser.mjs";
import { folded, seen } from "./harness/runs.mjs";
import { browser, runs, server } from "./harness/stage.mjs";

test("posts and pictures appear on the page that the form leads to, and on a shared link", async () => {
  const page = await open(browser, `${server.url}/new/campaign`);
  await page.getByLabel("The business").fill("A bakery in Lisbon that ferments its bread for two days");
  await page.getByLabel("The objective").fill("More orders on weekday mornings");
  await page.getByLabel("Posts").fill("4");
  await page.getByRole("button", { name: "Generate" }).click();
  await page.waitForURL(/\/campaigns\/.+/);
  const shared = await openIn(page.context(), page.url());
  for (const tab of [page, shared]) {
    await tab.locator(".run-head .state-word", { hasText: "Completed" }).waitFor({ timeout: 45_000 });
    for (const number of [1, 2, 3, 4]) await tab.locator(`.post[data-post="${number}"] .prose h1`).waitFor();
    const decoded = (selector) =>
      tab
        .locator(selector)
        .evaluateAll((images) => images.length > 0 && images.every((image) => image.naturalWidth > 0));
    await tab.locator(".animation").scrollIntoViewIfNeeded();
    await until("the pictures to be decoded", () => decoded(".post-picture img"));
    await until("the animation to be decoded", () => decoded(".animation img"));
    await tab.getByText("Audited:").waitFor();
    assert.equal(await tab.locator('.job[data-state="completed"]').count(), 3);
    assert.deepEqual(tab.errors, []);
  }
  const campaign = decodeURIComponent(new URL(page.url()).pathname.split("/").at(-1));
  const expected = folded(await runs.snapshot(campaign));
  assert.deepEqual(folded((await seen(page, campaign)).snapshot), expected);
  await page.evaluate(() => scrollTo(0, 0));
  await picture(page, "campaign-generated", { fullPage: true });
  await page.context().close();
});

test("what came to nothing is said, and nothing looks as if it still came", async () => {
  await ordered("partly");
  const page = await open(browser, `${server.url}/campaigns/partly`);
  await page.locator('.post[data-post="2"]').waitFor();
  await runs.publish("partly:text", {
    type: "run.failed",
    data: { error: { code: "busy", message: "Nobody answers" } },
  });
  for (const job of ["image", "video"])
    await runs.publish(`partly:${job}`, { type: "run.started" }, { type: "run.completed" });
  await page.locator(".shortfall", { hasText: "1 of 3 jobs came to nothing" }).waitFor();
  await page.locator('.job[data-state="failed"]', { hasText: "Nobody answers" }).waitFor();
  await page.getByText("It wrote no posts").waitFor();
  assert.equal(await page.locator(".post").count(), 0);

  await ordered("stopped");
  await page.goto(`${server.url}/campaigns/stopped`);
  await page.locator('.post[data-post="2"]').waitFor();
  await runs.publish("stopped:text", {
    type: "artifact.pending",
    data: { artifact: "post-1.md", artifact_type: "post" },
  });
  await runs.cancel("stopped", { reason: "too late" });
  await page.getByText("Post 1 · never finished").waitFor();
  await page.getByText("It was not made.").waitFor();
  assert.equal(await page.locator(".post").count(), 1);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

/** A campaign whose jobs nobody does but the test. */
async function ordered(campaign_id) {
  const brief = { business_description: "Luna Bakery", objective: "More guests", post_count: 2 };
  const answer = await fetch(`${server.url}/api/v1/content/generate-with-progress`, {
    method: "POST",
    body: JSON.stringify({ campaign_id, worker: "external", ...brief }),
  });
  assert.equal(answer.status, 202);
}
