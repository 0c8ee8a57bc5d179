/** The access token of a server that asks for one. It stays in this tab, and never becomes part of an address. */
import { useSyncExternalStore } from "react";

const KEY = "milepost.token";
const listeners = new Set<() => void>();

export function useToken(): [string | null, (token: string | null) => void] {
  return [useSyncExternalStore(subscribe, read), set];
}

function read(): string | null {
  return sessionStorage.getItem(KEY);
}

function set(token: string | null): void {
  if (token) sessionStorage.setItem(KEY, token);
  else sessionStorage.removeItem(KEY);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
