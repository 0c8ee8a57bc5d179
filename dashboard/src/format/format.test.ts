import { describe, expect, test } from "vitest";
import { amount, bytes, percent, plural, rate } from "./amount";
import { ago, duration, remaining } from "./time";

function check<T>(name: string, say: (input: T) => string | null, cases: [T, string | null][]) {
  describe(name, () => {
    test.each(cases)("%j → %s", (input, expected) => {
      expect(say(input)).toBe(expected);
    });
  });
}

check("durations", duration, [
  [-5, "0.0 s"],
  [440, "0.4 s"],
  [59_999, "59 s"],
  [200_000, "3 min 20 s"],
  [3_900_000, "1 h 05 min"],
  [183_600_000, "2 d 3 h"],
]);
check("estimates", remaining, [
  [1, "a few seconds left"],
  [21_000, "about 25 seconds left"],
  [70_000, "about a minute left"],
  [610_000, "about 10 minutes left"],
  [4_000_000, "about an hour left"],
  [90_000_000, "about 25 hours left"],
  [200_000_000, "about 2 days left"],
]);
check("ages", ago, [
  [10, "just now"],
  [12_000, "12 s ago"],
  [86_400_000, "yesterday"],
  [200_000_000, "2 days ago"],
]);
check("bytes", bytes, [
  [1, "1 byte"],
  [999, "999 bytes"],
  [1234, "1.2 kB"],
  [999_900, "1.0 MB"],
  [34_000_000, "34 MB"],
]);
check(
  "amounts",
  ([current, total, unit]: [number | null, number | null, string | null]) => amount(current, total, unit),
  [
    [[1204, 3000, "files"], "1,204 of 3,000 files"],
    [[1204, null, "files"], "1,204 files"],
    [[2_100_000, 8_000_000, "bytes"], "2.1 MB of 8.0 MB"],
    [[null, null, "files"], null],
  ],
);
check("rates", ([current, unit, elapsed]: [number, string | null, number]) => rate(current, unit, elapsed), [
  [[340, "files", 10_000], "34 files/s"],
  [[5, "posts", 60_000], "5 posts/min"],
  [[2, null, 3_600_000], "2/h"],
  [[12_000_000, "bytes", 10_000], "1.2 MB/s"],
  [[0, "files", 10_000], null],
  [[10, "files", 10], null],
]);
check("shares", percent, [
  [null, "–"],
  [0, "0%"],
  [0.001, "<1%"],
  [0.29, "29%"],
  [0.9999, "99%"],
  [1, "100%"],
]);
check("plurals", (n: number) => plural(n, "post"), [
  [1, "1 post"],
  [1200, "1,200 posts"],
]);
