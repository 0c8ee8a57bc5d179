/** For the curious and for tests: `milepost.view("run-1")` in the browser's console is what the page shows of a run. */
import type { RunView } from "@milepost/client";
import { useEffect } from "react";

type Shown = Pick<RunView, "snapshot" | "seq" | "cursor" | "status">;

const views = new Map<string, Shown>();

declare global {
  var milepost: { view: (run: string) => Shown | undefined };
}

globalThis.milepost = { view: (run) => views.get(run) };

export function useConsole(run: string, view: Shown): void {
  useEffect(() => {
    views.set(run, view);
  }, [run, view]);
  useEffect(() => () => void views.delete(run), [run]);
}
