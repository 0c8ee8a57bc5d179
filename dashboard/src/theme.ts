/** Light, dark, or as the system has it. */
import { useSyncExternalStore } from "react";
import { recall, remember } from "./storage";

export type Theme = "system" | "light" | "dark";

const KEY = "milepost.theme";
const ORDER: Theme[] = ["system", "light", "dark"];
const listeners = new Set<() => void>();

export function useTheme(): [Theme, () => void] {
  const theme = useSyncExternalStore(subscribe, read);
  return [theme, next];
}

/** Puts the stored choice on the document. Called before the first paint. */
export function applyTheme(): void {
  const theme = read();
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

export function next(): void {
  const theme = ORDER[(ORDER.indexOf(read()) + 1) % ORDER.length] ?? "system";
  remember(KEY, theme);
  applyTheme();
  for (const listener of listeners) listener();
}

function read(): Theme {
  const stored = recall(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
