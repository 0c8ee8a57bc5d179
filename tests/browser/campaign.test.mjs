/** A campaign as somebody without a terminal orders it: from the form to the last picture. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, openIn, picture, until } from "./harness/browser.mjs";
import { folded, seen } from "./harness/runs.mjs";
import { browser, runs, server } from "./harness/stage.mjs";

test("posts and pictures appear on the page that the form leads to, and on a shared link", async (t) => {
  const asked = await fetch(`${server.url}/api/v1/content/generate-with-progress`, {
    method: "POST",
    body: "{}",
  });
  if (asked.status === 404) return t.skip("this server generates no campaigns");
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
