/** Renders hooks, on React 18 as on 19. */

import type { ReactElement } from "react";
import { act, createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

/** What a hook gave, render by render. */
export interface Rendered<Result> {
  /** What it gave last. */
  readonly result: Result;
  /** How often it was rendered. */
  readonly renders: number;
  rerender(): Promise<void>;
  unmount(): Promise<void>;
}

function Probe({ look }: { look: () => void }): null {
  look();
  return null;
}

/** Renders `hook` inside of `wrap`, in strict mode if `strict`. */
export async function render<Result>(
  hook: () => Result,
  wrap: (child: ReactElement) => ReactElement,
  { strict = false } = {},
): Promise<Rendered<Result>> {
  let result: Result | undefined;
  let renders = 0;
  const look = () => {
    result = hook();
    renders += 1;
  };
  const root = createRoot(document.createElement("div"));
  const show = () => {
    const child = wrap(createElement(Probe, { look }));
    return act(async () => root.render(strict ? createElement(StrictMode, null, child) : child));
  };
  await show();
  return {
    get result() {
      return result as Result;
    },
    get renders() {
      return renders;
    },
    rerender: show,
    unmount: () => act(async () => root.unmount()),
  };
}

/** Does what a user does, and waits for what comes of it. */
export function perform(action: () => Promise<unknown>): Promise<void> {
  return act(async () => {
    await action();
  });
}

/** Lets everything happen that is due, and `ms` go by. */
export function settle(
  vi: { advanceTimersByTimeAsync(ms: number): Promise<unknown> },
  ms = 0,
): Promise<void> {
  return act(async () => {
    for (let turn = 0; turn < 20; turn += 1) await vi.advanceTimersByTimeAsync(0);
    await vi.advanceTimersByTimeAsync(ms);
    for (let turn = 0; turn < 20; turn += 1) await vi.advanceTimersByTimeAsync(0);
  });
}
