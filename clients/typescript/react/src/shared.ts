/** The hook that the others are made of. */

import { useCallback, useSyncExternalStore } from "react";
import { useRegistered } from "./provider.js";
import type { Connected, Registry, Shareable } from "./registry.js";

/**
 * The view of what `open` subscribes to, shared by all components that give the same `key`. Without a key nothing is opened.
 * On a server, and before the first word, it is `empty`.
 */
export function useShared<View extends Connected>(
  key: string | null,
  open: (registry: Registry) => Shareable<View>,
  empty: View,
): View {
  const registered = useRegistered();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key names what `open` opens
  const subscribe = useCallback(
    (listener: () => void) => {
      if (key === null) return () => undefined;
      const registry = registered();
      return registry.subscribe(key, () => open(registry), listener);
    },
    [registered, key],
  );
  const view = () => (key === null ? empty : ((registered().view(key) as View | undefined) ?? empty));
  return useSyncExternalStore(subscribe, view, () => empty);
}
