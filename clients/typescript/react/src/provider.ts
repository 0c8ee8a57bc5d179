/** Which client the hooks use. */

import { type ClientOptions, MilepostClient } from "@milepost/client";
import { createContext, createElement, type ReactElement, type ReactNode, useContext, useState } from "react";
import { Registry } from "./registry.js";

/** Milliseconds between two renders of what one subscription shows. People do not see more. */
const THROTTLE_MS = 50;

/** Gets a registry when it is needed: on a server there may be none. */
export type Registered = () => Registry;

let ofThePage: Registry | undefined;

const Context = createContext<Registered>(() => {
  ofThePage ??= new Registry(new MilepostClient(), THROTTLE_MS);
  return ofThePage;
});

/** What a provider takes. */
export interface MilepostProviderProps {
  /** The client to use; one for the server of the page where absent. The one of the first render stays. */
  client?: MilepostClient | undefined;
  /** For a client of the provider's own, instead of `client`. */
  options?: ClientOptions | undefined;
  /** Components render at most once in so many milliseconds for one subscription; 50 where absent. */
  throttleMs?: number | undefined;
  children?: ReactNode;
}

/** Gives the hooks below it a client. Without one they use the server that the page came from. */
export function MilepostProvider(props: MilepostProviderProps): ReactElement {
  const [registered] = useState((): Registered => {
    let registry: Registry | undefined;
    return () => {
      registry ??= new Registry(
        props.client ?? new MilepostClient(props.options),
        props.throttleMs ?? THROTTLE_MS,
      );
      return registry;
    };
  });
  return createElement(Context.Provider, { value: registered }, props.children);
}

/** What gets the registry of the provider above, or that of the page. */
export function useRegistered(): Registered {
  return useContext(Context);
}

/** The client of the provider above, or that of the page. */
export function useMilepost(): MilepostClient {
  return useRegistered()().client;
}
