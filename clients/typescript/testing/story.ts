/** Events and snapshots for tests. */

import { type MilepostEvent, type Snapshot, Tree } from "../client/src/index.js";

export const EPOCH = "0ace0001";

/** The cursor at a sequence. */
export function at(seq: number, epoch = EPOCH): string {
  return `${epoch}-${seq}`;
}

type Told = Pick<MilepostEvent, "type" | "data"> & { run?: string };

/** A log of what is told, one event a second. */
export function log(stream: string, told: readonly Told[]): MilepostEvent[] {
  return told.map(({ type, data, run = stream }, place) => {
    const seq = place + 1;
    const time = new Date(1_800_000_000_000 + seq * 1_000).toISOString();
    return { seq, stream, run, type, time, id: at(seq), data } as MilepostEvent;
  });
}

/** A run that begins, reports `reports` times, and is completed. */
export function story(stream: string, reports = 3): MilepostEvent[] {
  const progress = (current: number): Told => ({ type: "run.progressed", data: { current, total: reports } });
  return log(stream, [
    { type: "run.created", data: { kind: "test" } },
    { type: "run.started", data: { attempt: 1 } },
    ...Array.from({ length: reports }, (_, place) => progress(place + 1)),
    { type: "run.completed", data: {} },
  ]);
}

/** What the server shows after `events`. */
export function snapshotOf(events: readonly MilepostEvent[], project = "default"): Snapshot {
  const tree = new Tree(project);
  for (const event of events) tree.evolve(event, at(event.seq));
  if (tree.snapshot === null) throw new Error("there is no run in these events");
  return tree.snapshot;
}
