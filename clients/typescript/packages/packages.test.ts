/** What is published: small, complete, and of use in an empty project. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Server } from "../testing/server.js";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const MODULES = here("../../../node_modules");
const PACKAGES = ["client", "react"];

function run(command: string, options: string[], cwd: string): string {
  return execFileSync(command, options, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

test("the packages are small", () => {
  const options = ["--json", "--config", here("size.json")];
  // It looks for its plugins in the package that it is run in.
  const sizes = JSON.parse(run(join(MODULES, ".bin/size-limit"), options, here("../client")));
  expect(sizes).toMatchObject([
    { name: "@milepost/client", passed: true },
    { name: "@milepost/react", passed: true },
  ]);
});

describe("in an empty project", () => {
  let folder: string;
  let server: Server;
  beforeAll(async () => {
    server = await Server.start();
    folder = mkdtempSync(join(tmpdir(), "milepost-package-"));
    // They were built just now; to build them once more would take them away from other tests for a moment.
    const pack = ["pack", "--ignore-scripts", "--pack-destination", folder];
    for (const name of PACKAGES) run("npm", pack, here(`../${name}`));
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ name: "empty", private: true, type: "module" }),
    );
    const tarballs = readdirSync(folder).filter((name) => name.endsWith(".tgz"));
    // React is there already; only what is ours is to be seen.
    const beside = ["react", "react-dom", "@types/react", "@types/react-dom", "@types/node"].map(
      (name) => `${MODULES}/${name}`,
    );
    run(
      "npm",
      ["install", "--offline", "--no-package-lock", ...tarballs.map((name) => `./${name}`), ...beside],
      folder,
    );
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await server.stop();
  });

  test("they have what they need, and nothing else", () => {
    for (const name of PACKAGES) {
      const files = readdirSync(join(folder, "node_modules/@milepost", name));
      expect(files.sort()).toStrictEqual(["README.md", "dist", "package.json"]);
      const built = readdirSync(join(folder, "node_modules/@milepost", name, "dist"));
      expect(built.every((file) => /\.(js|d\.ts)$/.test(file))).toBe(true);
    }
  });

  test("they run in Node", () => {
    const script = `
      import { MilepostClient } from "@milepost/client";
      import { MilepostProvider, useRun } from "@milepost/react";
      import { createElement } from "react";
      import { renderToString } from "react-dom/server";

      const client = new MilepostClient({ url: process.argv[2] });
      await client.create({ id: "r", kind: "k", state: "running" });
      await client.publish("r", [{ type: "run.progressed", data: { current: 1, total: 2 } }, { type: "run.completed" }]);
      const subscription = client.follow("r", { from: "start" });
      for await (const item of subscription) console.log(item.type, item.event?.type ?? "");
      console.log(subscription.state.snapshot.progress.fraction);
      const Page = () => createElement("p", null, useRun("r").status);
      console.log(renderToString(createElement(MilepostProvider, { client }, createElement(Page))));
    `;
    writeFileSync(join(folder, "script.js"), script);
    const lines = run("node", ["script.js", server.url], folder).trim().split("\n");
    expect(lines.filter((line) => line.startsWith("event"))).toStrictEqual([
      "event run.created",
      "event run.started",
      "event run.progressed",
      "event run.completed",
    ]);
    expect(lines.slice(-3)).toStrictEqual(["end ", "1", "<p>connecting</p>"]);
  });

  test.each([
    ["NodeNext", "NodeNext"],
    ["ESNext", "Bundler"],
  ])("their types are good, for %s and %s", (module, moduleResolution) => {
    const script = `
      import { MilepostClient, type MilepostEvent, type RunView } from "@milepost/client";
      import { useProgressiveGeneration, useRun } from "@milepost/react";

      const client = new MilepostClient({ url: "http://127.0.0.1:1", token: () => "t" });
      const said = (event: MilepostEvent): number | null | undefined =>
        event.type === "run.progressed" ? event.data.current : null;
      const view: RunView = client.follow("r", { onEvent: said }).state;
      export function useAll(): [string | undefined, boolean] {
        return [useRun(view.snapshot?.stream).run?.state, useProgressiveGeneration("c").isComplete];
      }
    `;
    writeFileSync(join(folder, "script.ts"), script);
    const compilerOptions = {
      module,
      moduleResolution,
      target: "ES2022",
      strict: true,
      noEmit: true,
      types: [],
    };
    // The declarations themselves are looked at, too.
    const all = { ...compilerOptions, exactOptionalPropertyTypes: true, skipLibCheck: false };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions: all, include: ["script.ts"] }),
    );
    expect(run("node", [join(MODULES, "typescript/bin/tsc")], folder)).toBe("");
  });
});
