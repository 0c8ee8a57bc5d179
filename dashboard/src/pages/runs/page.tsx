import { useRuns } from "@milepost/react";
import { useCallback, useMemo, useRef, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import { Connection, ConnectionBanner } from "../../components/connection";
import { Refusal } from "../../components/refusal";
import { useTitle } from "../../components/title";
import { useShortcuts } from "../../keyboard";
import type { Run, RunState } from "../../model/run";
import { useAddress } from "../../project";
import { Filters } from "./filters";
import { RunList } from "./list";
import { matches } from "./match";

const LIMIT_STEP = 100;
/** More the server does not list at once; beyond it, filters help more than scrolling. */
const LIMIT_MAX = 500;

/** All runs of a project: what goes on, and what came of the others. */
export function RunsPage() {
  const [query, setQuery] = useSearchParams();
  const kind = query.get("kind") ?? "";
  const state = query.get("state") ?? "";
  const search = query.get("q") ?? "";
  const { runs, limit, status, error, showMore } = useList(kind, state);
  useTitle("Runs");
  const change = useCallback(
    (name: string, value: string) => {
      setQuery(
        (before) => {
          const after = new URLSearchParams(before);
          if (value) after.set(name, value);
          else after.delete(name);
          return after;
        },
        { replace: true },
      );
    },
    [setQuery],
  );
  const found = useMemo(() => runs?.filter((run) => matches(run, search)), [runs, search]);
  const list = useRef<HTMLOListElement>(null);
  useListKeys(list);
  if (error && !runs && (status === "failed" || error.code !== "unreachable"))
    return <Refusal error={error} what="project" />;
  return (
    <>
      <ConnectionBanner status={status} error={error} />
      <header className="page-head">
        <h1>Runs</h1>
        <Connection status={status} />
      </header>
      <Filters kind={kind} state={state} search={search} runs={runs ?? []} onChange={change} />
      <RunList
        ref={list}
        runs={found}
        loaded={runs?.length ?? 0}
        filtered={Boolean(kind || state || search)}
        hasMore={(runs?.length ?? 0) >= limit && limit < LIMIT_MAX}
        onMore={showMore}
      />
    </>
  );
}

/** The runs, and before they are there those of the shorter list: asking for more empties nothing. */
function useList(kind: string, state: string) {
  const [limit, setLimit] = useState(LIMIT_STEP);
  const { runs, isLoading, status, error } = useRuns({
    kind: kind || undefined,
    state: (state as RunState) || undefined,
    limit,
  });
  const filter = `${kind} ${state}`;
  const before = useRef<{ filter: string; runs: readonly Run[] } | null>(null);
  if (!isLoading) before.current = { filter, runs };
  const shown = before.current?.filter === filter && !(error && isLoading) ? before.current.runs : undefined;
  const showMore = useCallback(() => setLimit((now) => Math.min(LIMIT_MAX, now + LIMIT_STEP)), []);
  return { runs: shown, limit, status, error, showMore };
}

/** `j` and `k` walk through the list, as do the arrows; Enter opens, since each row is a link. */
function useListKeys(list: React.RefObject<HTMLOListElement | null>): void {
  const [, navigate] = useLocation();
  const address = useAddress();
  const shortcuts = useMemo(() => {
    const step = (by: number) => () => {
      const links = [...(list.current?.querySelectorAll<HTMLAnchorElement>("a.run-row") ?? [])];
      const at = links.indexOf(document.activeElement as HTMLAnchorElement);
      links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
    };
    return [
      { keys: ["j", "ArrowDown"], label: "Next run", run: step(1) },
      { keys: ["k", "ArrowUp"], label: "Previous run", run: step(-1) },
      { keys: ["/"], label: "Search", run: () => document.getElementById("search")?.focus() },
      { keys: ["Escape"], label: "Drop the filters", run: () => navigate(address("/")) },
    ];
  }, [list, navigate, address]);
  useShortcuts(shortcuts);
}
