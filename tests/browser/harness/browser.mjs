/** Chromium, and pages that tell of everything that goes wrong in them. */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const OUTPUT = fileURLToPath(new URL("../output/", import.meta.url));
const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const WIDE = { width: 1360, height: 900 };
export const PHONE = { width: 390, height: 844 };

export async function launch(more = []) {
  // The sandbox needs rights that containers do not give; the pages are ours.
  return chromium.launch({ executablePath: EXECUTABLE, args: ["--no-sandbox", ...more] });
}

/** A page whose errors are in `page.errors`: exceptions, and what the policy had to refuse. */
export async function open(browser, url, { viewport = WIDE, colorScheme = "light", ...more } = {}) {
  const context = await browser.newContext({ viewport, colorScheme, ...more });
  return openIn(context, url);
}

export async function openIn(context, url) {
  const page = await context.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on("console", (message) => {
    const text = message.text();
    if (/Content Security Policy|TrustedHTML|Trusted Type/i.test(text)) page.errors.push(text);
  });
  page.on("dialog", (dialog) => {
    page.errors.push(`a script opened a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  return page;
}

/** Keeps a picture for whoever looks at them after the tests. */
export async function picture(page, name, more = {}) {
  await mkdir(OUTPUT, { recursive: true });
  await page.screenshot({ path: `${OUTPUT}${name}.png`, animations: "disabled", ...more });
}

/** Waits until `probe` answers something true, and says what it answered last if that takes too long. */
export async function until(what, probe, timeout = 10_000) {
  const deadline = Date.now() + timeout;
  let last;
  while (Date.now() < deadline) {
    last = await probe();
    if (last) return last;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`waited ${timeout} ms for: ${what}; last: ${JSON.stringify(last)}`);
}
