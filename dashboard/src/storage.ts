/** What is remembered between visits. Browsers may refuse to; then nothing is remembered, and everything else works. */

export function recall(key: string, area: "local" | "session" = "local"): string | null {
  try {
    return storage(area).getItem(key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string | null, area: "local" | "session" = "local"): void {
  try {
    if (value === null) storage(area).removeItem(key);
    else storage(area).setItem(key, value);
  } catch {
    // It is refused, or full.
  }
}

function storage(area: "local" | "session"): Storage {
  return area === "local" ? localStorage : sessionStorage;
}
