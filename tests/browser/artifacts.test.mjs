/** Artifacts appear by themselves, and none of them, nor any text, does anything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { open, picture, until } from "./harness/browser.mjs";
import { png } from "./harness/png.mjs";
import { browser, runs, server } from "./harness/stage.mjs";

test("artifacts appear as they become ready, each with its preview", async () => {
  await runs.create("make", { name: "Make things" });
  const page = await open(browser, `${server.url}/runs/make?tab=artifacts`, { reducedMotion: "reduce" });
  await page.getByText("No artifacts yet").waitFor();

  await runs.publish("make", {
    type: "artifact.pending",
    data: { artifact: "cover.png", name: "Cover", media_type: "image/png" },
  });
  const cover = page.locator('[data-artifact="cover.png"]');
  await cover.getByText("In the making").waitFor();
  const place = await cover.boundingBox();
  await runs.artifact("make", "cover.png", "image/png", png(320, 200, [31, 111, 84], [227, 177, 92]), {
    name: "Cover",
  });
  await until("the picture to be decoded", () =>
    cover.locator("img").evaluateAll(([image]) => image?.naturalWidth === 320),
  );
  assert.deepEqual(await cover.boundingBox(), place, "nothing moved");

  await runs.publish("make", {
    type: "artifact.appended",
    data: { artifact: "story.md", chunk: "# Once upon" },
  });
  await page.locator('[data-artifact="story.md"]').click();
  await page.getByRole("dialog").getByRole("heading", { name: "Once upon", exact: true }).waitFor();
  await runs.publish("make", {
    type: "artifact.appended",
    data: { artifact: "story.md", chunk: " a time\n\nthere was *bread*." },
  });
  await page.getByRole("dialog").locator("em", { hasText: "bread" }).waitFor();
  await page.keyboard.press("Escape");

  await runs.artifact("make", "facts.json", "application/json", '{"loaves":[1,2,3],"fresh":true}');
  await page.locator('[data-artifact="facts.json"]').click();
  await page.getByRole("dialog").locator(".json-key", { hasText: '"loaves"' }).waitFor();
  await picture(page, "viewer-json");
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("dialog").getByText("there was").waitFor();
  await page.keyboard.press("Escape");
  await picture(page, "gallery");
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("text that tries to be a page is text, wherever it stands", async () => {
  const attack =
    '<img src=x onerror="globalThis.hit=1"><script>globalThis.hit=1</script>"><svg onload=globalThis.hit=1>{{7*7}}';
  const label = attack.slice(0, 250);
  const id = "xss";
  await runs.create(id, {
    kind: "campaign",
    name: label,
    metadata: { business_description: attack, objective: attack, post_count: 2, [attack]: attack },
  });
  await runs.publish(
    id,
    {
      type: "run.created",
      run: "xss.1",
      data: { kind: "text", parent: id, name: label, metadata: { attack } },
    },
    { type: "run.started", run: "xss.1" },
    {
      type: "run.progressed",
      run: "xss.1",
      data: { stage: label, message: attack, current: 1, total: 2, unit: label },
    },
    { type: "run.progressed", data: { stage: label, message: attack, current: 1, total: 3, unit: label } },
    { type: "message.appended", data: { message: "m", role: label, content: attack } },
    { type: "state.updated", data: { key: label, value: { [attack]: attack } } },
    {
      type: "artifact.pending",
      data: { artifact: "p", name: label, artifact_type: label, media_type: label },
    },
    { type: "artifact.failed", data: { artifact: "p", error: { code: label, message: attack } } },
    {
      type: "artifact.ready",
      data: { artifact: "away", name: label, media_type: "text/html", url: "javascript:globalThis.hit=1" },
    },
    {
      type: "artifact.ready",
      data: {
        artifact: "data",
        name: label,
        media_type: "image/png",
        url: "data:text/html,<script>alert(1)</script>",
      },
    },
    { type: "x.attack", data: { attack } },
    {
      type: "run.failed",
      run: "xss.1",
      data: { error: { code: label, message: attack, details: { [attack]: attack } } },
    },
  );
  await runs.artifact(
    id,
    "page.html",
    "text/html",
    `<!doctype html><script>globalThis.hit=1;alert(1)</script>${attack}`,
  );
  await runs.artifact(
    id,
    "draw.svg",
    "image/svg+xml",
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9" onload="alert(1)"><script>alert(1)</script></svg>',
  );
  const markdown = `# ${attack}\n\n[one](javascript:globalThis.hit=1) [two](data:text/html,x) [five](https://example.com) ![three](https://example.invalid/x.png)\n\n<iframe src="javascript:alert(1)"></iframe><form action="/v1"><button>b</button></form><style>body{display:none}</style><a href="https://example.com" onclick="alert(1)" style="position:fixed">four</a>\n\n<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>`;
  await runs.artifact(id, "post-1.md", "text/markdown", markdown, { type: "post" });
  await runs.cancel(id, { reason: attack.slice(0, 1000), grace_seconds: 600 });

  const page = await open(browser, `${server.url}/runs/${id}`);
  await page.locator('[role="treeitem"]').first().waitFor();
  await page.locator('[data-run="xss.1"]').click();
  for (const summary of await page.locator("summary").all()) await summary.click();
  await page.locator('[data-run="xss"]').click();
  for (const summary of await page.locator("summary").all()) await summary.click();
  for (const tab of ["Messages", "Events", "Artifacts"]) {
    await page.getByRole("tab", { name: tab }).click();
    await page.locator(".message, .log-type, .card").first().waitFor();
  }
  for (const artifact of ["p", "away", "data", "page.html", "draw.svg", "post-1.md"]) {
    await page.locator(`[data-artifact="${artifact}"]`).click();
    await page.locator(".viewer-preview > *").first().waitFor();
    await page.keyboard.press("Escape");
  }
  await page.locator('[data-artifact="page.html"]').click();
  await page.getByRole("dialog").getByText("<script>globalThis.hit=1;alert(1)</script>").waitFor();
  await page.keyboard.press("Escape");

  await page.locator('[data-artifact="post-1.md"]').click();
  const prose = page.locator(".viewer-preview .prose");
  await prose.getByText("five").waitFor();
  const markup = await prose.evaluate((element) => ({
    tags: [...new Set([...element.querySelectorAll("*")].map((child) => child.tagName))].sort(),
    attributes: [
      ...new Set([...element.querySelectorAll("*")].flatMap((child) => child.getAttributeNames())),
    ].sort(),
    links: [...element.querySelectorAll("a[href]")].map((link) => link.href),
  }));
  assert.deepEqual(
    markup.tags.filter((tag) => !["A", "H1", "P"].includes(tag)),
    [],
  );
  assert.deepEqual(
    markup.attributes.filter((name) => !["href", "rel", "target"].includes(name)),
    [],
  );
  assert.deepEqual(markup.links, ["https://example.com/"]);
  await picture(page, "xss-markdown");

  await page.goto(`${server.url}/campaigns/${id}`);
  await page.locator('.post[data-post="1"] .prose').waitFor();
  await picture(page, "xss-campaign");
  await page.goto(`${server.url}/?q=${encodeURIComponent(attack)}&kind=${encodeURIComponent(attack)}`);
  await page.locator(".notice").waitFor();
  await page.goto(`${server.url}/runs/${encodeURIComponent(attack)}`);
  await page.locator(".notice").waitFor();
  assert.equal(await page.evaluate(() => globalThis.hit), undefined);
  assert.deepEqual(page.errors, []);
  await page.context().close();
});

test("the address of an artifact, opened by itself, runs nothing", async () => {
  await runs.create("raw");
  await runs.artifact(
    "raw",
    "a.svg",
    "image/svg+xml",
    '<svg xmlns="http://www.w3.org/2000/svg"><script>document.documentElement.setAttribute("hit","1")</script></svg>',
  );
  const response = await fetch(`${server.url}/v1/projects/default/runs/raw/artifacts/a.svg`);
  assert.equal(response.headers.get("content-security-policy"), "sandbox");
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  assert.match(response.headers.get("content-disposition"), /^attachment/);
});
