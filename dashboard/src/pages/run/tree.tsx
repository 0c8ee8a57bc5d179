import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, memo, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Bar } from "../../components/bar";
import { useNow } from "../../components/clock";
import { Icon } from "../../components/icon";
import { StateMark } from "../../components/state";
import { Elapsed } from "../../components/times";
import { percent } from "../../format/amount";
import { duration } from "../../format/time";
import { headline, isOver, type Run, shown, title } from "../../model/run";
import { type Row, rowsOf, spanOf } from "../../model/tree";

const ROW_HEIGHT = 36;
/** Deeper than this, indentation would leave no room for names. */
const INDENT_LEVELS = 8;

type View = "progress" | "timeline";

interface Properties {
  runs: readonly Run[];
  selected: string;
  onSelect: (run: string) => void;
  view: View;
}

/** Only the rows that are seen are in the document, so a tree of ten thousand runs scrolls like one of ten. */
export function Tree({ runs, selected, onSelect, view }: Properties) {
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const rows = useMemo(() => rowsOf(runs, closed), [runs, closed]);
  const viewport = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => viewport.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
  });
  const toggle = useCallback((run: string) => {
    setClosed((before) => {
      const after = new Set(before);
      if (!after.delete(run)) after.add(run);
      return after;
    });
  }, []);
  const at = rows.findIndex((row) => row.run.id === selected);
  const keep = useRef(virtual);
  keep.current = virtual;
  useEffect(() => {
    if (at >= 0) keep.current.scrollToIndex(at);
  }, [at]);
  const press = (event: KeyboardEvent) => {
    const target = keyTarget(event.key, rows, at, toggle);
    if (target === undefined) return;
    event.preventDefault();
    if (target) onSelect(target);
  };
  const span = useSpan(runs, view);
  return (
    <div className="tree" data-view={view}>
      <TreeHead view={view} span={span.to - span.from} />
      <div
        className="tree-viewport"
        ref={viewport}
        role="tree"
        aria-label="Runs"
        tabIndex={0}
        aria-activedescendant={at >= 0 ? rowId(selected) : undefined}
        onKeyDown={press}
      >
        <div role="none" className="tree-rows" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const row = rows[item.index];
            return (
              row && (
                <TreeRow
                  key={row.run.id}
                  {...row}
                  top={item.start}
                  selected={row.run.id === selected}
                  onSelect={onSelect}
                  onToggle={toggle}
                  view={view}
                  from={span.from}
                  to={span.to}
                />
              )
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** The run to select, an empty string where the key did something else, undefined where it is not for the tree. */
function keyTarget(key: string, rows: Row[], at: number, toggle: (run: string) => void): string | undefined {
  const row = rows[at];
  switch (key) {
    case "ArrowDown":
      return rows[Math.min(rows.length - 1, at + 1)]?.run.id ?? "";
    case "ArrowUp":
      return rows[Math.max(0, at - 1)]?.run.id ?? "";
    case "Home":
      return rows[0]?.run.id ?? "";
    case "End":
      return rows.at(-1)?.run.id ?? "";
    case "ArrowRight":
      if (row?.children && !row.open) toggle(row.run.id);
      return row?.open && row.children ? (rows[at + 1]?.run.id ?? "") : "";
    case "ArrowLeft":
      if (!row?.children || !row.open) return row?.run.parent ?? "";
      toggle(row.run.id);
      return "";
    default:
      return undefined;
  }
}

/** The time that the timeline spans. It only ticks while it is looked at. */
function useSpan(runs: readonly Run[], view: View): { from: number; to: number } {
  const now = useNow();
  const moment = view === "timeline" ? now : 0;
  return useMemo(() => (moment ? spanOf(runs, moment) : { from: 0, to: 1 }), [runs, moment]);
}

function TreeHead({ view, span }: { view: View; span: number }) {
  return (
    <div className="tree-head" aria-hidden="true">
      <span>Run</span>
      <span className="tree-line">Doing</span>
      {view === "progress" ? (
        <span>Progress</span>
      ) : (
        <span className="axis">
          <span>0</span>
          <span>{duration(span / 2)}</span>
          <span>{duration(span)}</span>
        </span>
      )}
      <span className="tree-time">Time</span>
    </div>
  );
}

interface RowProperties extends Row {
  top: number;
  selected: boolean;
  onSelect: (run: string) => void;
  onToggle: (run: string) => void;
  view: View;
  from: number;
  to: number;
}

const TreeRow = memo(function TreeRow({
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
          <span className="run-percent">{percent(run.progress.fraction)}</span>
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

function rowId(run: string): string {
  return `run ${run}`.replaceAll(" ", "-");
}
