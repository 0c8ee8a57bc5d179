/** What a browser knows about the page: whether somebody can see it, and whether there is a network. */

/** How long a page may be hidden before its connections are given back. Looking at another tab for a moment costs nothing. */
const HIDDEN_MS = 10_000;

/** Whether nobody can see the page. Outside of pages: never. */
export function isHidden(): boolean {
  return globalThis.document?.visibilityState === "hidden";
}

/** Calls `look` whenever the page is hidden or shown, until `signal` aborts. */
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

/** Resolves when somebody can see the page, or `signal` aborts. */
export function visible(signal: AbortSignal): Promise<void> {
  return until(signal, (resolve, over) => {
    onVisibility(() => isHidden() || resolve(), over);
  });
}

/** Resolves after `ms`, or as soon as there is a network again, or `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return until(signal, (resolve, over) => {
    const timer = setTimeout(resolve, ms);
    over.addEventListener("abort", () => clearTimeout(timer));
    globalThis.addEventListener?.("online", resolve, { signal: over });
  });
}

/** Resolves when `begin` says so or `signal` aborts; `over` aborts then. */
async function until(
  signal: AbortSignal,
  begin: (resolve: () => void, over: AbortSignal) => void,
): Promise<void> {
  const over = new AbortController();
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { signal: over.signal });
    if (signal.aborted) resolve();
    else begin(resolve, over.signal);
  });
  over.abort();
}
