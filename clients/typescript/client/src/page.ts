/** What a browser knows about the page: whether somebody can see it, and whether there is a network. */

/** How long a page may be hidden before its connections are given back. Looking at another tab for a moment costs nothing. */
const HIDDEN_MS = 10_000;

/** Whether nobody can see the page. Outside of pages: never. */
export function isHidden(): boolean {
  return globalThis.document?.visibilityState === "hidden";
}

/** Calls `away` once the page has been hidden for a while, until `signal` aborts. */
export function whenHidden(away: () => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    if (isHidden()) timer = setTimeout(away, HIDDEN_MS);
  };
  globalThis.document?.addEventListener("visibilitychange", look, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  look();
}

/** Resolves when somebody can see the page, or `signal` aborts. */
export function visible(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const seen = new AbortController();
    const look = () => {
      if (isHidden() && !signal.aborted) return;
      seen.abort();
      resolve();
    };
    globalThis.document?.addEventListener("visibilitychange", look, { signal: seen.signal });
    signal.addEventListener("abort", look, { signal: seen.signal });
    look();
  });
}

/** Resolves after `ms`, or as soon as there is a network again, or `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const finish = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(finish, ms);
    globalThis.addEventListener?.("online", finish, { signal: over.signal });
    signal.addEventListener("abort", finish, { signal: over.signal });
    if (signal.aborted) finish();
  });
}
