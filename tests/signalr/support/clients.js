// The clients, and the ways in which they are used.

import { createRequire } from "node:module";
import * as current from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";

const require = createRequire(import.meta.url);
// Version 5 takes every JavaScript engine with `fetch` for a browser.
globalThis.self ??= globalThis;
const five = require("signalr-5");
const seven = require("signalr-7");
const { MessagePackHubProtocol: SevenMessagePack } = require("signalr-msgpack-7");

export { current };

const { WebSockets, ServerSentEvents, LongPolling } = current.HttpTransportType;
const transports = { WebSockets, ServerSentEvents, LongPolling };

/** Every combination of client, transport and protocol that exists. */
export const combinations = [
  ...matrix("10", current, MessagePackHubProtocol),
  ...matrix("7", seven, SevenMessagePack),
  ...matrix("5", five, undefined),
];

function matrix(version, library, MessagePack) {
  return Object.entries(transports).flatMap(([name, transport]) => {
    const of = (protocol, Protocol) => ({
      name: `${version}, ${name}, ${protocol}`,
      version,
      library,
      transport,
      transportName: name,
      protocol,
      Protocol,
    });
    const json = of("json");
    return MessagePack && transport !== ServerSentEvents ? [json, of("messagepack", MessagePack)] : [json];
  });
}

/** The combinations of the current client alone. */
export const currently = combinations.filter(({ version }) => version === "10");

/** A connection that is not started. */
export function connection(
  url,
  { library = current, transport, Protocol, options = {}, reconnect, stateful } = {},
) {
  let builder = new library.HubConnectionBuilder()
    .withUrl(url, { transport, logger: library.LogLevel.None, ...options })
    .configureLogging(library.LogLevel.None);
  if (Protocol) builder = builder.withHubProtocol(new Protocol());
  if (reconnect) builder = builder.withAutomaticReconnect(reconnect);
  if (stateful) builder = builder.withStatefulReconnect(stateful === true ? undefined : stateful);
  return builder.build();
}

/** Runs `use` with a started connection, and stops it. */
export async function connected(url, how, use) {
  const hub = connection(url, how);
  await hub.start();
  try {
    return await use(hub);
  } finally {
    await hub.stop();
  }
}

/** Everything that a stream yields. */
export function collect(stream, onItem = () => {}) {
  return new Promise((complete, error) => {
    const items = [];
    stream.subscribe({
      next: (item) => {
        items.push(item);
        onItem(item);
      },
      complete: () => complete(items),
      error: (why) => error(Object.assign(why, { items })),
    });
  });
}

/** Resolves when `condition` holds; fails after `ms`. */
export async function until(condition, what, ms = 10_000) {
  const deadline = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What a connection says of itself, as it comes. */
export function events(hub) {
  const seen = [];
  hub.onreconnecting((error) => seen.push(["reconnecting", error?.message]));
  hub.onreconnected((id) => seen.push(["reconnected", id]));
  hub.onclose((error) => seen.push(["close", error?.message]));
  return seen;
}
