/** Aborting one thing with another. `AbortSignal.any` would do it, were it not that Node loses such signals to the garbage collector. */

/** A controller that aborts when `signal` does. To be aborted in the end: then it lets go of `signal`. */
export function below(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener("abort", abort, { signal: controller.signal });
  if (signal.aborted) abort();
  return controller;
}
