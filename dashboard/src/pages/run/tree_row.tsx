import { memo } from "react";
import { Bar } from "../../components/bar";
import { Icon } from "../../components/icon";
import { StateMark } from "../../components/state";
import { Elapsed } from "../../components/times";
import { percent } from "../../format/amount";
import { duration } from "../../format/time";
import { fractionOf, headline, isOver, type Run, shown, title } from "../../model/run";
import type { Row } from "../../model/tree";

/** What the bars of a tree show. */
export type View = "progress" | "timeline";

/** Deeper than this, indentation would leave no room for names. */
const INDENT_LEVELS = 8;

interface RowProperties extends Row {
  top: number;
  selected: boolean;
  onSelect: (run: string) => void;
  onToggle: (run: string) => void;
  view: View;
  from: number;
  to: number;
}

/** A run of the tree, drawn again only when something of it changed. */
export const TreeRow = memo(function TreeRow({
  run,
  depth,
  children,
  open,
  position,
  siblings,
  top,
  selected,
  onSelect,
  onToggle,
  view,
  from,
  to,
}: RowProperties) {
  const line = headline(run);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the tree takes the keys
    // biome-ignore lint/a11y/useFocusableInteractive: the tree has the focus
    <div
      id={rowId(run.id)}
      role="treeitem"
      className="tree-row"
      data-run={run.id}
      data-state={shown(run)}
      aria-level={depth + 1}
      aria-posinset={position}
      aria-setsize={siblings}
      aria-selected={selected}
      aria-expanded={children ? open : undefined}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onSelect(run.id)}
    >
      <span
        className="tree-name"
        style={{ paddingInlineStart: `${Math.min(depth, INDENT_LEVELS) * 1.1}rem` }}
      >
        {children ? (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the arrow keys do it
          // biome-ignore lint/a11y/noStaticElementInteractions: the same
          <span
            className="tree-toggle"
            data-open={open || undefined}
            onClick={(event) => {
              event.stopPropagation();
              onToggle(run.id);
            }}
          >
            <Icon name="right" />
          </span>
        ) : (
          <span className="tree-toggle" />
        )}
        <StateMark state={shown(run)} />
        <span className="clip">{title(run)}</span>
        {children > 0 && !open && <span className="tab-count">{children}</span>}
      </span>
      <span className="tree-line clip" title={line}>
        {line}
      </span>
      {view === "progress" ? (
        <span className="tree-progress">
          <Bar run={run} />
          <span className="run-percent">{percent(fractionOf(run))}</span>
        </span>
      ) : (
        <TimeBar run={run} from={from} to={to} />
      )}
      <span className="tree-time">
        <Elapsed run={run} />
      </span>
    </div>
  );
});

/** When a run was at work, within the time of the whole tree. */
function TimeBar({ run, from, to }: { run: Run; from: number; to: number }) {
  const start = Date.parse(run.started_at ?? run.created_at);
  const end = run.finished_at ? Date.parse(run.finished_at) : to;
  const share = (time: number) =>
    `${(100 * Math.max(0, Math.min(1, (time - from) / (to - from)))).toFixed(2)}%`;
  const label = run.started_at ? `Began after ${duration(start - from)}` : "Has not begun";
  return (
    <span className="timebar" title={label}>
      <span
        className="timebar-fill"
        data-state={shown(run)}
        data-open={isOver(run.state) ? undefined : true}
        style={{ left: share(start), width: `max(2px, calc(${share(end)} - ${share(start)}))` }}
      />
    </span>
  );
}

/** The id of a row in the document, for `aria-activedescendant`. */
export function rowId(run: string): string {
  return `run ${run}`.replaceAll(" ", "-");
}
