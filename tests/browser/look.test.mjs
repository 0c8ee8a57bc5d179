/** Whole pages: pictures of the main states to look at, accessibility, keys, phones, still motion. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { before, test } from "node:test";
import { open, PHONE, picture, WIDE } from "./harness/browser.mjs";
import { scene } from "./harness/scene.mjs";
import { browser, runs, server } from "./harness/stage.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** What is looked at, and what has to be there before it is. */
const PAGES = [
  ["list", "/", ".run-row"],
  ["list-nothing-found", "/?q=zebra", ".notice"],
  ["run-tree", "/runs/docs", '[role="treeitem"]'],
  ["run-failed", "/runs/import", ".error-box"],
  ["run-artifacts", "/runs/bakery?tab=artifacts", ".card img"],
  ["run-messages", "/runs/bakery?tab=messages", ".message"],
  ["run-events", "/runs/bakery?tab=events", ".log-type"],
  ["run-cancel-requested", "/runs/crawl", ".steps"],
  ["campaign", "/campaigns/bakery", '.post[data-post="3"] .prose'],
  ["new-ingest", "/new/ingest", "form"],
  ["new-campaign", "/new/campaign", "form"],
  ["nowhere", "/runs/a/b", ".notice"],
];

before(() => scene(runs));

for (const colorScheme of ["light", "dark"]) {
  test(`pages are accessible, ${colorScheme}`, async () => {
    const page = await open(browser, server.url, { colorScheme, reducedMotion: "reduce" });
    for (const [name, path, sign] of PAGES) {
      await page.goto(server.url + path);
      await page.locator(sign).first().waitFor();
      assert.deepEqual(await violations(page), [], `${name}, ${colorScheme}`);
      await picture(page, `${name}-${colorScheme}`);
    }
    await page.goto(`${server.url}/runs/docs`);
    await page.locator('[role="treeitem"]').first().waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    assert.deepEqual(await violations(page), [], `help, ${colorScheme}`);
    await picture(page, `help-${colorScheme}`);
    assert.deepEqual(page.errors, []);
    await page.context().close();
  });
}

test("on a phone nothing is wider than the screen", async () => {
  const page = await open(browser, server.url, {
    viewport: PHONE,
    hasTouch: true,
    isMobile: true,
    deviceScaleFactor: 2,
  });
  for (const [name, path, sign] of PAGES) {
    await page.goto(server.url + path);
    await page.locator(sign).first().waitFor();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= PHONE.width, `${name} is ${width} wide`);
    await picture(page, `phone-${name}`);
  }
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("everything is done by keys", async () => {
  const page = await open(browser, server.url, { viewport: WIDE });
  await page.locator(".run-row").first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("handbook");
  await page.waitForURL(/q=handbook/);
  await page.keyboard.press("Tab");
  await page.locator("body").press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/runs\/docs/);
  await page.locator('[role="treeitem"]').first().waitFor();
  await page.keyboard.press("4");
  await page.locator('[role="tab"][aria-selected="true"]', { hasText: "Events" }).waitFor();
  await page.keyboard.press("c");
  await page.getByRole("dialog").getByText("Cancel “").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("t");
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "light");
  await page.keyboard.press("h");
  await page.locator(".run-list").waitFor();
  // Who turns single keys off is not surprised by one.
  await page.keyboard.press("?");
  await page.getByLabel("Single-key shortcuts").uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  assert.equal(new URL(page.url()).pathname, "/");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("motion stops for those who asked for that", async () => {
  const page = await open(browser, `${server.url}/runs/docs`, { reducedMotion: "reduce" });
  await page.locator('.run-head .mark[data-state="running"]').first().waitFor();
  const running = await page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return document.getAnimations().filter((animation) => animation.playState === "running").length;
  });
  assert.equal(running, 0);
  await page.context().close();
});

test("a form that is refused says why, and one that is taken leads to its run", async () => {
  const page = await open(browser, `${server.url}/new/ingest`);
  await page.getByLabel("Repository").fill("ftp://example.com/x");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.locator('[role="alert"].form-error').waitFor();
  await picture(page, "new-ingest-refused");
  await page.getByLabel("Repository").fill(`/nowhere/${Date.now()}`);
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await page.waitForURL(/\/runs\/.+/);
  await page.locator('.facts .state-word[data-state="failed"]').waitFor();
  await picture(page, "ingest-failed");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

/** What axe finds against WCAG 2.2 A and AA and its own best practices. */
async function violations(page) {
  // The policy of the page takes no inline scripts; what the browser's debugger evaluates is not one.
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return found.violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes.map((node) => `${node.target} ${node.any?.[0]?.message ?? ""}`).join(" | ")}`,
  );
}
