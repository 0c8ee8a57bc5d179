/**
 * What it costs to look: from the emission of an event to its being painted, with twenty runs on the list and fifty events a second;
 * tasks that would make the page stutter; and the heap over a hundred thousand events. Prints a table; exits 1 where a goal is missed.
 */

import { Server } from "../support/server.mjs";
import { launch, open } from "./harness/browser.mjs";
import { Runs } from "./harness/runs.mjs";

const RUNS = 20;
const PER_SECOND = 50;
const SECONDS = Number(process.env.SECONDS ?? 20);
const HEAP_EVENTS = 100_000;
const GOAL_P99_MS = 100;
const GOAL_TASK_MS = 50;
/** What the heap may grow between the first and the last tenth, in bytes: a hundred thousand kept events would be tens of megabytes. */
const GOAL_HEAP_GROWTH = 2e6;

const server = await Server.start();
const browser = await launch(["--enable-precise-memory-info", "--js-flags=--expose-gc"]);
const rows = [];
let missed = false;

try {
  await latency();
  if (!process.env.LATENCY) await heap("list", (id) => `/?project=${id}`);
  if (!process.env.LATENCY) await heap("run", (id) => `/runs/heap?project=${id}`);
} finally {
  await browser.close();
  await server.stop();
}
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
for (const row of rows)
  process.stdout.write(`| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |\n`);
process.exitCode = missed ? 1 : 0;

async function latency() {
  rows.push(["measured", "value", "goal"], ["---", "---", "---"]);
  const runs = new Runs(server, "latency");
  const ids = Array.from({ length: RUNS }, (_, index) => `run-${index}`);
  for (const id of ids) await runs.create(id, { name: `Run ${id}` });
  const page = await open(browser, `${server.url}/?project=latency`);
  await page
    .locator(".run-row")
    .nth(RUNS - 1)
    .waitFor();
  await page.evaluate(watch);
  // Open loop: an event goes out when it is due, whether the one before has arrived or not.
  const emitted = [];
  const total = SECONDS * PER_SECOND;
  const start = performance.now();
  const sent = [];
  for (let n = 0; n < total; n += 1) {
    const due = start + (n * 1000) / PER_SECOND;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    const id = ids[n % RUNS];
    emitted.push({ id, n, at: performance.timeOrigin + due });
    const publishing = runs.publish(id, {
      type: "run.progressed",
      data: { current: n, total: total + 1, message: `n=${n}` },
    });
    sent.push(publishing.then(() => performance.now() - due));
  }
  const answered = await Promise.all(sent);
  await page.locator(".run-line", { hasText: `n=${total - 1}` }).waitFor();
  await page.waitForFunction((n) => globalThis.watched().painted.some((paint) => paint.n === n), total - 1);
  const { painted, tasks } = await page.evaluate(() => globalThis.watched());
  const ascending = (values) => values.sort((a, b) => a - b);
  const paint = ({ id, n }) => painted.find((candidate) => candidate.id === id && candidate.n >= n).at;
  const waits = ascending(emitted.map((event) => paint(event) - event.at));
  const shown = ascending(emitted.map((event, n) => paint(event) - event.at - answered[n]));
  const at = (share, values = waits) =>
    values[Math.min(values.length - 1, Math.floor(values.length * share))];
  row(`emission → painted, median (${PER_SECOND}/s, ${RUNS} runs)`, `${at(0.5).toFixed(1)} ms`, "");
  row("emission → painted, p99", `${at(0.99).toFixed(1)} ms`, `≤ ${GOAL_P99_MS} ms`, at(0.99) <= GOAL_P99_MS);
  row("emission → painted, worst", `${at(1).toFixed(1)} ms`, "");
  // What the page is not to blame for, and what it is.
  row("emission → durable and answered, p99", `${at(0.99, ascending([...answered])).toFixed(1)} ms`, "");
  row("durable and answered → painted, p99", `${at(0.99, shown).toFixed(1)} ms`, "");
  const longest = Math.max(0, ...tasks);
  row(
    `tasks over ${GOAL_TASK_MS} ms`,
    `${tasks.length}${longest ? ` (longest ${longest.toFixed(0)} ms)` : ""}`,
    "0",
    tasks.length === 0,
  );
  await page.context().close();
}

/** Runs in the page: when the text of each row was painted, and which tasks were long. */
function watch() {
  const painted = [];
  const tasks = [];
  const observer = new PerformanceObserver((list) =>
    tasks.push(...list.getEntries().map((entry) => entry.duration)),
  );
  observer.observe({ type: "longtask" });
  const now = () => performance.timeOrigin + performance.now();
  new MutationObserver((changes) => {
    const fresh = [];
    for (const change of changes) {
      const found = /n=(\d+)$/.exec(change.target.textContent ?? "");
      const element = change.target.nodeType === 3 ? change.target.parentElement : change.target;
      const id = element?.closest("[data-run]")?.dataset.run;
      if (found && id) fresh.push({ id, n: Number(found[1]) });
    }
    if (fresh.length === 0) return;
    requestAnimationFrame(() => {
      // The task after a frame's callbacks comes when that frame was painted.
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => painted.push(...fresh.map((paint) => ({ ...paint, at: now() })));
      port2.postMessage(0);
    });
  }).observe(document.querySelector(".run-list"), { subtree: true, childList: true, characterData: true });
  globalThis.watched = () => ({ painted, tasks });
}

async function heap(name, path) {
  const project = `heap-${name}`;
  const runs = new Runs(server, project);
  await runs.create("heap");
  const page = await open(browser, server.url + path(project));
  await page
    .locator(name === "list" ? ".run-row" : '[role="treeitem"]')
    .first()
    .waitFor();
  const debug = await page.context().newCDPSession(page);
  const used = async () => {
    await debug.send("HeapProfiler.collectGarbage");
    return (await debug.send("Runtime.getHeapUsage")).usedSize;
  };
  const sizes = [];
  const batch = 250;
  const events = (from) =>
    Array.from({ length: batch }, (_, index) => {
      const n = from + index;
      if (n % 2) return { type: "x.sample", data: { n, text: "a little text, as events have it" } };
      return { type: "run.progressed", data: { current: n, total: HEAP_EVENTS + 1, message: `n=${n}` } };
    });
  for (let n = 0; n < HEAP_EVENTS; n += batch) {
    await runs.publish("heap", ...events(n));
    // Not faster than a viewer may be asked to follow.
    if (n % 1_000 === 0)
      await page.locator(name === "list" ? ".run-line" : ".run-head-line", { hasText: "n=" }).waitFor();
    if (n % (HEAP_EVENTS / 10) === 0) sizes.push(await used());
  }
  sizes.push(await used());
  const megabytes = (size) => `${(size / 1e6).toFixed(1)} MB`;
  const [, first] = sizes;
  const last = sizes.at(-1);
  row(
    `heap, ${name}: after 10 % → 100 % of ${HEAP_EVENTS} events`,
    `${megabytes(first)} → ${megabytes(last)}`,
    `≤ +${GOAL_HEAP_GROWTH / 1e6} MB`,
    last <= first + GOAL_HEAP_GROWTH,
  );
  await page.context().close();
}

function row(what, value, goal, reached = true) {
  if (!reached) missed = true;
  rows.push([what, value, reached ? goal : `${goal} MISSED`]);
}
