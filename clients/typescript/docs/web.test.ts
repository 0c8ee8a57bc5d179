/** The examples of docs/web.md do what they say. */

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { MilepostClient } from "@milepost/client";
import { Window } from "happy-dom";
import { createElement } from "react";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { Server } from "../testing/server.js";
import { BLOCKS, example } from "./blocks.js";

/** Below the workspace, so that the examples find the packages, as they are built. */
const FOLDER = fileURLToPath(new URL("./examples/", import.meta.url));
const TSC = fileURLToPath(new URL("../../../node_modules/typescript/bin/tsc", import.meta.url));

let server: Server;
let client: MilepostClient;
beforeAll(async () => {
  server = await Server.start();
  client = new MilepostClient({ url: server.url });
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER);
});
afterAll(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  await server.stop();
});

/** Runs an example in a process of its own. Gives what waits for a line that it prints, and all lines so far. */
function run(name: string, change: (code: string) => string = (code) => code) {
  const path = join(FOLDER, `${name}.mjs`);
  writeFileSync(path, change(example(name, server.url)));
  const process = spawn("node", [path], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void process.kill());
  const lines: string[] = [];
  createInterface({ input: process.stdout }).on("line", (line) => lines.push(line));
  const says = (line: string | RegExp) =>
    vi.waitFor(
      () =>
        expect(
          lines.some((said) => said.match(line)),
          `${line} in ${lines}`,
        ).toBe(true),
      10_000,
    );
  const ends = () => vi.waitFor(() => expect(process.exitCode).toBe(0), 10_000);
  return { lines, says, ends };
}

/** For examples that a browser has an `EventSource` for. */
const inBrowser = (code: string) => `import { EventSource } from "eventsource";\n${code}`;

let imports = 0;

/** A run that is called as in the examples, anew for each. */
async function begin(): Promise<string> {
  imports += 1;
  const id = `import-${imports}`;
  await client.create({ id, kind: "import", name: "Nightly import", state: "running" });
  await client.publish(id, { type: "run.progressed", data: { message: "a.csv", current: 3, total: 10 } });
  return id;
}

const about = (id: string) => (code: string) => code.replaceAll("import-1", id);

test("every example is executed, but for those that are a part of one", () => {
  const names = BLOCKS.map(({ name }) => name).filter((name) => name !== "");
  const executed = "eventsource ingest client iterate later project publish node hooks generation".split(" ");
  expect(names).toStrictEqual(executed);
  expect(BLOCKS.length).toBe(names.length + 2);
});

test("eventsource", async () => {
  const id = await begin();
  const { lines, says, ends } = run("eventsource", (code) => inBrowser(about(id)(code)));
  await says("3 run.progressed a.csv");
  await client.publish(id, { type: "run.completed" });
  await ends();
  expect(lines.at(-1)).toBe("4 run.completed ");
});

test("ingest", async () => {
  const repository = mkdtempSync(join(tmpdir(), "milepost-docs-"));
  onTestFinished(() => rmSync(repository, { recursive: true }));
  writeFileSync(join(repository, "main.py"), "def main():\n    pass\n");
  const git = (...command: string[]) =>
    execFileSync("git", ["-C", repository, ...command], { stdio: "ignore" });
  git("init");
  git("add", ".");
  git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-m", "a");
  const { lines, ends } = run("ingest", (code) =>
    inBrowser(code.replace("https://github.com/owner/name", repository)),
  );
  await ends();
  expect(lines.at(-1)).toMatch(/^Complete 100 %/);
});

test("client", async () => {
  const id = await begin();
  const { says, ends } = run("client", about(id));
  await says("live");
  await says("30 %");
  await client.publish(id, { type: "run.completed" });
  await says("4 run.completed");
  await says("100 %");
  await says("ended");
  await ends();
});

test("iterate", async () => {
  const id = await begin();
  const { lines, says, ends } = run("iterate", about(id));
  await says("3 of 10");
  await client.publish(id, { type: "run.completed" });
  await ends();
  expect(lines).toStrictEqual(["3 of 10", "over"]);
});

test("later", async () => {
  const id = await begin();
  const { lines, says, ends } = run("later", (code) => `${about(id)(code)}\nconsole.log("ready");`);
  await says("ready");
  await client.publish(id, { type: "run.completed" });
  await ends();
  expect(lines).toStrictEqual(["ready", "new: run.completed"]);
});

test("project", async () => {
  const id = await begin();
  const { says } = run("project");
  await says(`${id} running 0.3`);
  await client.publish(id, { type: "run.completed" });
  await says(`${id} run.completed`);
  await says(`${id} completed 1`);
});

test("publish", async () => {
  const { lines, ends } = run("publish");
  await ends();
  expect(lines.at(-1)).toMatch(/^to be over by 20/);
  expect(await client.snapshot("export-7")).toMatchObject({
    state: "cancelled",
    progress: { fraction: 0.3 },
  });
});

test("node", async () => {
  await begin();
  const { lines, ends } = run("node");
  await ends();
  expect(lines).toStrictEqual([expect.stringMatching(/^\d+ runs$/)]);
});

test("hooks and generation are what TypeScript takes, and show what happens", async () => {
  for (const name of ["hooks", "generation"])
    writeFileSync(join(FOLDER, `${name}.tsx`), example(name, server.url));
  const extending = {
    extends: "../../../../tsconfig.base.json",
    compilerOptions: { jsx: "react-jsx", noEmit: true },
  };
  writeFileSync(join(FOLDER, "tsconfig.json"), JSON.stringify({ ...extending, include: ["*.tsx"] }));
  execFileSync("node", [TSC, "--project", FOLDER], { stdio: "inherit" });

  const id = await begin();
  const { document, navigator } = new Window() as unknown as typeof globalThis;
  // They stay: what React has begun may end after the test.
  for (const [name, value] of Object.entries({ window: globalThis, document, navigator }))
    vi.stubGlobal(name, value);
  const { createRoot } = await import("react-dom/client");
  const { App } = await import(join(FOLDER, "hooks.tsx"));
  const element = document.createElement("div");
  const root = createRoot(element);
  root.render(createElement(App));
  const shows = (text: string | RegExp) =>
    vi.waitFor(() => expect(element.textContent).toMatch(text), { timeout: 10_000 });
  await shows("Nightly import: running a.csv");
  element.querySelector("button")?.click();
  await vi.waitFor(async () =>
    expect((await client.snapshot(id)).runs[0]?.cancel?.reason).toBe("no longer needed"),
  );
  await client.publish(id, { type: "run.cancelled" });
  await shows("Nightly import: cancelled");
  root.unmount();
});
