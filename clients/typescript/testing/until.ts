import type { Live } from "@milepost/client";

/** Resolves when `wanted` holds for the state of `live`; rejects after `ms`, with what the state was. */
export function until<View>(
  live: Live<View, unknown>,
  wanted: (view: View) => boolean,
  ms = 10_000,
): Promise<View> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      leave();
      settle();
    };
    const look = () => {
      if (wanted(live.state)) finish(() => resolve(live.state));
    };
    const leave = live.subscribe(look);
    const timer = setTimeout(() => {
      finish(() => reject(new Error(`not in ${ms} ms: ${JSON.stringify(live.state)}`)));
    }, ms);
    look();
  });
}
