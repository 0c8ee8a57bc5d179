import { expect, test } from "vitest";
import { fractionOf, type Run, type RunState } from "./run";

const run = (state: RunState, fraction: number | null) => ({ state, progress: { fraction } }) as Run;

test.each([
  ["completed", 1, 1],
  ["running", 1, 1],
  ["cancelled", 0.4, 0.4],
  ["failed", null, null],
  ["cancelled", 1, null],
  ["failed", 1, null],
] as const)("a run that is %s at %s came to %s", (state, fraction, shown) => {
  expect(fractionOf(run(state, fraction))).toBe(shown);
});
