/** The access token of a server that asks for one. It stays in this tab, and never becomes part of an address. */
import { useSyncExternalStore } from "react";
import { recall, remember } from "./storage";

const KEY = "milepost.token";
/** For browsers that keep nothing: until the page is reloaded. */
let kept: string | null = null;
const listeners = new Set<() => void>();

export function useToken(): [string | null, (token: string | null) => void] {
  return [useSyncExternalStore(subscribe, read), set];
}

function read(): string | null {
  return recall(KEY, "session") ?? kept;
}

function set(token: string | null): void {
  kept = token;
  remember(KEY, token, "session");
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
