// Clients in other languages: signalrcore (Python) and the official one for Java. A test is skipped, with the reason, where
// the language is missing.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { start } from "../support/server.js";

let server;
before(async () => (server = await start()));
after(() => server.stop());

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const missing = (command, argument) => spawnSync(command, [argument], { stdio: "ignore" }).status !== 0;

/** Runs a command; what it says is the message when it fails. */
async function run(command, ...args) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  const status = await new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  assert.equal(status, 0, said);
}

test("signalrcore, over all transports", { skip: missing("python3", "--version") && "SKIPPED: there is no python3" }, async () => {
  const python = process.env.SIGNALR_PYTHON ?? here(".venv/bin/python");
  if (!existsSync(python)) {
    await run("python3", "-m", "venv", here(".venv"));
    await run(python, "-m", "pip", "install", "--quiet", "--requirement", here("python/requirements.txt"));
  }
  await run(python, here("python/client.py"), `${server.url}/testhub`);
});

const noJava = missing("javac", "-version") || missing("mvn", "--version");
test("the Java client", { skip: noJava && "SKIPPED: there is no JDK or no Maven" }, () =>
  run("mvn", "--batch-mode", "--quiet", "--file", here("java/pom.xml"), "compile", "exec:java", `-Dexec.args=${server.url}/testhub`));
