// Programs in other languages that use a hub. Files of tests run at the same time, and take turns at what is built here.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const lacks = (command, argument) => spawnSync(command, [argument], { stdio: "ignore" }).status !== 0;

/** Why there is no Python, or no Java; false where there is. */
export const noPython = lacks("python3", "--version") && "SKIPPED: there is no python3";
export const noJava =
  (lacks("javac", "-version") || lacks("mvn", "--version")) && "SKIPPED: there is no JDK or no Maven";

/** Runs a command; what it says is the message when it fails. */
async function run(command, ...args) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  const status = await new Promise((resolve, reject) => child.once("exit", resolve).once("error", reject));
  assert.equal(status, 0, said);
}

/** Runs a command while no other test does what has the same name. */
const alone = (name, ...command) => run("flock", here(`.${name}.lock`), ...command);

/** Runs a program of `python/`, in a virtual environment that is made once. */
export async function python(program, ...args) {
  const binary = process.env.SIGNALR_PYTHON ?? here(".venv/bin/python");
  const environment = `cd '${here(".")}' && '${binary}' -c 'import signalrcore' 2>/dev/null ||
    { python3 -m venv .venv && .venv/bin/python -m pip install --quiet --requirement python/requirements.txt; }`;
  await alone("python", "sh", "-c", environment);
  await run(binary, here(`python/${program}`), ...args);
}

/** Runs a class of `java/`. */
export function java(main, ...args) {
  const maven = ["mvn", "--batch-mode", "--quiet", "--file", here("java/pom.xml"), "compile", "exec:java"];
  return alone("java", ...maven, `-Dexec.mainClass=${main}`, `-Dexec.args=${args.join(" ")}`);
}
