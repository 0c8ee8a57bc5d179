import { describe, expect, test } from "vitest";
import type { Artifact } from "../model/run";
import { elsewhere, isOurs, kindOf } from "./kind";

const artifact = (more: Partial<Artifact>) =>
  ({ artifact: "a", run: "r", state: "ready", ...more }) as Artifact;

describe("kinds", () => {
  test.each([
    [{ media_type: "image/png" }, "image"],
    [{ media_type: "image/svg+xml" }, "image"],
    [{ media_type: "text/html; charset=utf-8" }, "text"],
    [{ media_type: "application/xhtml+xml" }, "text"],
    [{ media_type: "TEXT/Markdown" }, "markdown"],
    [{ media_type: "application/ld+json" }, "json"],
    [{ media_type: "application/pdf", name: "x.png" }, "other"],
    [{ name: "notes.md" }, "markdown"],
    [{ artifact: "clip.webm" }, "video"],
    [{ text: "so far" }, "text"],
    [{}, "other"],
  ] as const)("%j is %s", (more, kind) => {
    expect(kindOf(artifact(more))).toBe(kind);
  });
});

describe("links", () => {
  test.each([
    ["https://example.com/a", "https://example.com/a"],
    ["javascript:alert(1)", null],
    ["data:text/html,x", null],
    ["//example.com/a", null],
    ["/v1/projects/p/runs/r/artifacts/a", null],
  ])("%s leads to %s", (url, expected) => {
    expect(elsewhere(artifact({ url }))).toBe(expected);
  });
  test("only what is here is ours", () => {
    expect(isOurs(artifact({ url: "/v1/projects/p/runs/r/artifacts/a" }))).toBe(true);
    expect(isOurs(artifact({ url: "https://example.com/v1/" }))).toBe(false);
  });
});
