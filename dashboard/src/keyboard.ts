/** Keyboard shortcuts: each page says what it has, the help overlay lists them. */
import { useEffect, useSyncExternalStore } from "react";
import { recall, remember } from "./storage";

export interface Shortcut {
  /** As `KeyboardEvent.key` has it; several are alternatives. */
  keys: readonly string[];
  label: string;
  run: () => void;
}

const KEY = "milepost.shortcuts";
const active = new Set<readonly Shortcut[]>();
const listeners = new Set<() => void>();
let listed: Shortcut[] = [];
let enabled = recall(KEY) !== "off";

/** Offers `shortcuts` while the component is there. The array has to be the same one between renderings. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  useEffect(() => {
    active.add(shortcuts);
    announce();
    return () => {
      active.delete(shortcuts);
      announce();
    };
  }, [shortcuts]);
}

/** All that work now. */
export function useListedShortcuts(): Shortcut[] {
  return useSyncExternalStore(subscribe, () => listed);
}

/** Single keys get in the way of some who speak to their computer (WCAG 2.1.4), so they can be turned off. */
export function useShortcutsEnabled(): [boolean, (on: boolean) => void] {
  const on = useSyncExternalStore(subscribe, () => enabled);
  return [on, setEnabled];
}

export function listenToKeys(): void {
  document.addEventListener("keydown", (event) => {
    if (!enabled || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    for (const shortcuts of [...active].reverse()) {
      const match = shortcuts.find((shortcut) => shortcut.keys.includes(event.key));
      if (match) {
        event.preventDefault();
        match.run();
        return;
      }
    }
  });
}

function setEnabled(on: boolean): void {
  enabled = on;
  remember(KEY, on ? "on" : "off");
  announce();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function announce(): void {
  listed = [...active].flat();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
