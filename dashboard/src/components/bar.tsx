import type { CSSProperties } from "react";
import { percent } from "../format/amount";
import { fractionOf, isOver, type Run, shown, title } from "../model/run";

/** How far a run is. Where nothing is known yet and it works, the bar says so by moving. */
export function Bar({ run, size = "thin" }: { run: Run; size?: "thin" | "thick" }) {
  const fraction = fractionOf(run);
  const unknown = fraction == null && !isOver(run.state);
  const moving = unknown && run.state === "running" && !run.stalled && !run.cancel;
  return (
    <span
      className={`bar bar-${size}`}
      data-state={shown(run)}
      data-moving={moving || undefined}
      role="progressbar"
      aria-label={`Progress of ${title(run)}`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={fraction == null ? undefined : Math.floor(fraction * 100)}
      aria-valuetext={unknown ? "Not known yet" : percent(fraction)}
      style={{ "--fraction": fraction ?? 0 } as CSSProperties}
    >
      <span className="bar-fill" />
    </span>
  );
}
