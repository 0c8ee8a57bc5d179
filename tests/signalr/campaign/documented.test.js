// The table of docs/signalr.md names tests that are there.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const page = readFileSync(root("docs/signalr.md"), "utf8");
const [, table] = page.split("| criterion | test |\n|---|---|\n");
const rows = table
  .trim()
  .split("\n")
  .map((row) => row.split("|").map((cell) => cell.trim()))
  .map(([, criterion, tests]) => ({ criterion, tests }));

const benchmark = readFileSync(root("bench/src/scenario.rs"), "utf8");
const pascal = (name) => name.replaceAll(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());

/** Where a file of tests is, as the table names it. */
const located = (name) => [`tests/signalr/${name}`, name].map(root).find(existsSync);

test("the table has rows", () => assert.ok(rows.length >= 20, `${rows.length}`));

for (const { criterion, tests } of rows) {
  test(criterion, () => {
    const scenarios = tests.match(/--only ([\w,-]+)/)?.[1].split(",") ?? [];
    for (const scenario of scenarios)
      assert.ok(benchmark.includes(`Self::${pascal(scenario)} => `), scenario);

    const files = [...tests.matchAll(/`([\w./-]+\.(?:js|rs)|crates\/[\w/]+)`((?:,? ?"[^"]+")*)/g)];
    assert.ok(files.length + scenarios.length > 0, tests);
    for (const [, file, quoted] of files) {
      assert.ok(located(file), file);
      for (const [, name] of quoted.matchAll(/"([^"]+)"/g)) {
        const text = readFileSync(located(file), "utf8");
        assert.ok(
          text.includes(`test("${name}`) ||
            text.includes(`test(\`${name}`) ||
            text.includes(`describe("${name}`),
          `${file} has no test "${name}"`,
        );
      }
    }
  });
}
