import { expect, test } from "vitest";
import { findingsOf } from "./findings";

test("findings are read from an audit", () => {
  const notes = {
    findings: [
      { run: "c:text", artifact: "post-1.md", code: "duplicate", message: "It says what post-2.md says" },
      { artifact: "image-1.png", code: "unreadable" },
    ],
  };
  expect(findingsOf({ verdict: "findings", notes })).toEqual([
    { artifact: "post-1.md", code: "duplicate", message: "It says what post-2.md says" },
    { artifact: "image-1.png", code: "unreadable", message: "unreadable" },
  ]);
});

test.each([undefined, null, 7, {}, { notes: null }, { notes: { findings: "many" } }])(
  "what is none is no harm: %j",
  (data) => {
    expect(findingsOf(data)).toEqual([]);
  },
);

test("no page of a thousand findings", () => {
  expect(findingsOf({ notes: { findings: Array(1_000).fill(null) } })).toHaveLength(100);
});
