/** What a browser knows about the page: whether somebody can see it, and whether there is a network. */

import { below } from "./abort.js";

/** How long a page may be hidden before its connections are given back. Looking at another tab for a moment costs nothing. */
const HIDDEN_MS = 10_000;

/** Whether nobody can see the page. Outside of pages: never. */
export function isHidden(): boolean {
  return globalThis.document?.visibilityState === "hidden";
}

/** Calls `look` when the page is hidden or shown, until `signal` aborts. */
function onVisibility(look: () => void, signal: AbortSignal): void {
  globalThis.document?.addEventListener("visibilitychange", look, { signal });
}

/** Calls `away` once the page has been hidden for a while, until `signal` aborts. */
export function whenHidden(away: () => void, signal: AbortSignal): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    if (isHidden() && !signal.aborted) timer = setTimeout(away, HIDDEN_MS);
  };
  onVisibility(look, signal);
  signal.addEventListener("abort", look);
  look();
}

/** Resolves after `ms`; at once when the page is shown again, when there is a network again, and when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const over = below(signal);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    over.signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
    onVisibility(() => isHidden() || resolve(), over.signal);
    globalThis.addEventListener?.("online", () => resolve(), { signal: over.signal });
    if (signal.aborted) resolve();
  });
  over.abort();
}
