/** JSON Patch (RFC 6902), as `state.updated` carries it. The server has checked it: what is in a log applies. */

import type { PatchOperation } from "./generated.js";

type Node = Record<string, unknown>;

/**
 * The document after all operations; the one that was given is left as it is.
 *
 * @throws when a pointer leads nowhere.
 */
export function patched(document: unknown, operations: readonly PatchOperation[]): unknown {
  // A pointer, cut at its slashes, begins with an empty token: so the document is the member "" of what holds it.
  const holder = structuredClone({ "": document });
  for (const { op, path, from = "", value } of operations) {
    // What a test demands was so when the server looked.
    if (op === "test") continue;
    const moved = op === "move" || op === "copy" ? take(holder, from, op === "move") : value;
    if (op === "remove" || op === "replace") take(holder, path, true);
    if (op !== "remove") put(holder, path, structuredClone(moved));
  }
  return holder[""] ?? null;
}

/** What holds the value at `path`, and under which key. */
function find(holder: Node, path: string): [Node, string] {
  const tokens = path.split("/").map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  const key = tokens.pop() ?? "";
  return [tokens.reduce(member, holder), key];
}

function member(node: Node, key: string): Node {
  if (!Object.hasOwn(node, key)) throw new Error(`there is no ${key}`);
  return node[key] as Node;
}

function take(holder: Node, path: string, remove: boolean): unknown {
  const [node, key] = find(holder, path);
  const value = member(node, key);
  if (remove && Array.isArray(node)) node.splice(+key, 1);
  else if (remove) delete node[key];
  return value;
}

function put(holder: Node, path: string, value: unknown): void {
  const [node, key] = find(holder, path);
  if (Array.isArray(node)) node.splice(key === "-" ? node.length : +key, 0, value);
  // An assignment to `__proto__` would be another thing.
  else Object.defineProperty(node, key, { value, writable: true, enumerable: true, configurable: true });
}
