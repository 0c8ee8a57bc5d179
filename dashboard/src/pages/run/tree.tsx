import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useNow } from "../../components/clock";
import { duration } from "../../format/time";
import type { Run } from "../../model/run";
import { type Row, rowsOf, spanOf } from "../../model/tree";
import { rowId, TreeRow, type View } from "./tree_row";

const ROW_HEIGHT = 36;

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
  const scroll = useRef(() => {});
  scroll.current = () => {
    if (at >= 0) virtual.scrollToIndex(at);
  };
  // When another run is selected, and not when the selected one moves because others come: that would take the page from its reader.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => scroll.current(), [selected]);
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
