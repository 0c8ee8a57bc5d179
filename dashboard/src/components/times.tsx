import { ago, duration, moment } from "../format/time";
import { elapsed, type Run } from "../model/run";
import { useNow } from "./clock";

/** How long ago, and on pointing when exactly. */
export function Age({ time }: { time: string }) {
  const now = useNow();
  return (
    <time dateTime={time} title={moment(time)}>
      {ago(now - Date.parse(time))}
    </time>
  );
}

/** How long it has been at work, or was. */
export function Elapsed({ run }: { run: Run }) {
  const span = elapsed(run, useNow());
  return <>{span == null ? "–" : duration(span)}</>;
}
