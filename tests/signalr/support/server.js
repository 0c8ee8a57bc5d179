// The conformance server, one process for a file of tests.

import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Where the binary is: SIGNALR_CONFORMANCE, or what cargo has built. */
function binary() {
  if (process.env.SIGNALR_CONFORMANCE) return process.env.SIGNALR_CONFORMANCE;
  const build = [
    "build",
    "--quiet",
    "--package",
    "milepost-signalr",
    "--example",
    "conformance",
    "--message-format",
    "json",
  ];
  const built = spawnSync("cargo", build, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 26,
  });
  const artifacts = built.stdout.split("\n").filter((line) => line.includes('"executable":"'));
  const paths = artifacts.map((line) => JSON.parse(line).executable);
  const path = paths.find((path) => path.endsWith("conformance"));
  if (!path) throw new Error("cargo has built no conformance server");
  return path;
}

/** Starts a server; resolves to its URL and a function that ends it. */
export async function start() {
  const child = spawn(binary(), [], { stdio: ["pipe", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = line.match(/http:\/\/\S+/)?.[0];
    if (url) return { url, stop: () => ended(child) };
  }
  throw new Error("the conformance server did not start");
}

function ended(child) {
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.stdin.end();
  return exit;
}
