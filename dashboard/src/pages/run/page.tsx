import { useRun } from "@milepost/react";
import { useCallback, useEffect, useMemo } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { Gallery } from "../../artifacts/gallery";
import { Connection, ConnectionBanner } from "../../components/connection";
import { Waiting } from "../../components/notice";
import { Refusal } from "../../components/refusal";
import { type Tab, Tabs } from "../../components/tabs";
import { useRunTitle } from "../../components/title";
import { useConsole } from "../../console";
import { useShortcuts } from "../../keyboard";
import type { Snapshot } from "../../model/run";
import { useAddress } from "../../project";
import { EventsPanel } from "./events";
import { RunHead } from "./head";
import { MessagesPanel } from "./messages";
import { TreePanel } from "./tree_panel";

/** One tree of runs, live. */
export function RunPage({ id }: { id: string }) {
  const view = useRun(id);
  const { snapshot, status, error, seq, cursor } = view;
  useConsole(id, view);
  const [query] = useSearchParams();
  const [, navigate] = useLocation();
  const address = useAddress();
  const root = snapshot?.runs[0];
  useRunTitle(id, root);
  // The log and its numbers belong to the whole tree, so a part of it is shown within the whole.
  const stream = snapshot?.stream;
  useEffect(() => {
    if (stream && stream !== id)
      navigate(address(`/runs/${encodeURIComponent(stream)}`, { run: id }), { replace: true });
  }, [stream, id, navigate, address]);
  if (!snapshot || !root) {
    return error && status === "failed" ? (
      <Refusal error={error} what="run" />
    ) : (
      <Waiting label="Loading the run" rows={8} />
    );
  }
  return (
    <>
      <ConnectionBanner status={status} error={error} />
      <nav className="crumbs" aria-label="Where this is">
        <Link href={address("/")}>Runs</Link>
        <span aria-hidden="true">/</span>
        <span className="mono clip">{root.id}</span>
        <span className="topbar-space" />
        <Connection status={status} seq={seq} cursor={cursor} />
      </nav>
      <RunHead root={root} status={status} />
      <RunTabs snapshot={snapshot} selected={query.get("run") ?? root.id} seq={seq} cursor={cursor} />
    </>
  );
}

function RunTabs({
  snapshot,
  selected,
  seq,
  cursor,
}: {
  snapshot: Snapshot;
  selected: string;
  seq: number;
  cursor: string | null;
}) {
  const [query, setQuery] = useSearchParams();
  const set = useCallback(
    (name: string, value: string) => {
      setQuery(
        (before) => {
          const after = new URLSearchParams(before);
          after.set(name, value);
          return after;
        },
        { replace: true },
      );
    },
    [setQuery],
  );
  const select = useCallback((run: string) => set("run", run), [set]);
  const show = useCallback((tab: string) => set("tab", tab), [set]);
  const tabs = useMemo<Tab[]>(
    () => [
      { id: "tree", label: "Runs", count: snapshot.runs.length },
      { id: "artifacts", label: "Artifacts", count: snapshot.artifacts.length },
      { id: "messages", label: "Messages", count: snapshot.messages.length + snapshot.messages_omitted },
      { id: "events", label: "Events", count: seq },
    ],
    [snapshot, seq],
  );
  useTabKeys(show);
  const tab = tabs.find((known) => known.id === query.get("tab"))?.id ?? "tree";
  return (
    <Tabs tabs={tabs} current={tab} onChange={show}>
      {tab === "tree" && <TreePanel snapshot={snapshot} selected={selected} onSelect={select} />}
      {tab === "artifacts" && <Gallery snapshot={snapshot} />}
      {tab === "messages" && <MessagesPanel snapshot={snapshot} />}
      {tab === "events" && <EventsPanel key={cursor?.split("-")[0]} snapshot={snapshot} head={seq} />}
    </Tabs>
  );
}

function useTabKeys(show: (tab: string) => void): void {
  const shortcuts = useMemo(
    () => [
      { keys: ["1"], label: "Runs", run: () => show("tree") },
      { keys: ["2"], label: "Artifacts", run: () => show("artifacts") },
      { keys: ["3"], label: "Messages", run: () => show("messages") },
      { keys: ["4"], label: "Events", run: () => show("events") },
    ],
    [show],
  );
  useShortcuts(shortcuts);
}
