import { useEffect } from "react";
import { percent } from "../format/amount";
import { isOver, type Run, STATE_WORDS, title } from "../model/run";

/** Names the page in the tab. */
export function useTitle(text: string): void {
  useEffect(() => {
    document.title = `${text} · Milepost`;
  }, [text]);
}

/** Names a run in the tab, with how far it is: so one sees it from another tab. */
export function useRunTitle(id: string, run: Run | null | undefined): void {
  const name = run ? title(run) : id;
  const share = run && !isOver(run.state) ? percent(run.progress.fraction) : run && STATE_WORDS[run.state];
  useTitle(share && share !== "–" ? `${share} · ${name}` : name);
}
