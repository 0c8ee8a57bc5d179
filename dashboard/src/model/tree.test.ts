import { expect, test } from "vitest";
import type { Run } from "./run";
import { rowsOf, spanOf } from "./tree";

function run(id: string, parent: string | null, more: Partial<Run> = {}): Run {
  return { id, parent, created_at: "2026-11-20T10:00:00.000Z", state: "running", ...more } as Run;
}

const TREE = [run("a", null), run("b", "a"), run("c", "b"), run("d", "a")];

test("rows follow the tree, and leave out what is closed", () => {
  const shown = (closed: string[]) =>
    rowsOf(TREE, new Set(closed)).map((row) => `${row.depth}${row.run.id}${row.position}/${row.siblings}`);
  expect(shown([])).toEqual(["0a1/1", "1b1/2", "2c1/1", "1d2/2"]);
  expect(shown(["b"])).toEqual(["0a1/1", "1b1/2", "1d2/2"]);
  expect(shown(["a"])).toEqual(["0a1/1"]);
  expect(rowsOf([], new Set())).toEqual([]);
});

test("the part below a run is a tree of its own", () => {
  expect(rowsOf(TREE.slice(1, 3), new Set()).map((row) => row.run.id)).toEqual(["b", "c"]);
});

test("depth costs no stack", () => {
  const chain = Array.from({ length: 20_000 }, (_, index) =>
    run(`r${index}`, index ? `r${index - 1}` : null),
  );
  expect(rowsOf(chain, new Set()).at(-1)?.depth).toBe(19_999);
});

test("a span is never empty", () => {
  const now = Date.parse("2026-11-20T10:00:00.000Z");
  expect(spanOf([run("a", null)], now)).toEqual({ from: now, to: now + 1 });
  expect(spanOf([], now)).toEqual({ from: now - 1, to: now });
  const over = run("b", null, {
    started_at: "2026-11-20T10:00:01.000Z",
    finished_at: "2026-11-20T10:00:03.000Z",
  });
  expect(spanOf([over], now + 9000)).toEqual({ from: now + 1000, to: now + 3000 });
});
