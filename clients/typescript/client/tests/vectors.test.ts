/** The shared vectors: every client folds the same events to the same state. */

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { type MilepostEvent, type Snapshot, Tree } from "../src/index.js";

const FOLDER = fileURLToPath(new URL("../../../../tests/vectors/", import.meta.url));

interface Vector {
  name: string;
  project: string;
  epoch: string;
  start?: Snapshot;
  events: MilepostEvent[];
  snapshots: { at: number; snapshot: Snapshot }[];
}

const vectors = readdirSync(FOLDER, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".json"))
  .map((name): Vector => JSON.parse(readFileSync(FOLDER + name, "utf8")));

/** Without what is not compared. */
function comparable({ time: _, ...snapshot }: Snapshot) {
  return { ...snapshot, runs: snapshot.runs.map((run) => ({ ...run, lease_expires_at: null })) };
}

test("there are vectors", () => {
  expect(vectors.length).toBeGreaterThanOrEqual(16);
});

test.each(vectors)("$name", ({ project, epoch, start, events, snapshots }) => {
  const tree = start === undefined ? new Tree(project) : Tree.from(start);
  const seen = events.flatMap((event) => {
    tree.evolve(event, `${epoch}-${event.seq}`);
    return snapshots.some(({ at }) => at === event.seq) ? [{ at: event.seq, snapshot: tree.snapshot }] : [];
  });
  expect(seen.length).toBe(snapshots.length);
  for (const [place, { at, snapshot }] of snapshots.entries()) {
    const mine = seen[place]?.snapshot as Snapshot;
    expect(comparable(mine), `at ${at}`).toStrictEqual(comparable(snapshot));
  }
});
