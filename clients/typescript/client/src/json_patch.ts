/** JSON Patch (RFC 6902), as `state.updated` carries it. */

import type { PatchOperation } from "./generated.js";

type Node = Record<string, unknown>;

/**
 * The document after all operations; the one that was given is left as it is.
 *
 * @throws when an operation does not apply.
 */
export function patched(document: unknown, operations: readonly PatchOperation[]): unknown {
  // A pointer, cut at its slashes, begins with an empty token: so the document is the member "" of what holds it.
  const holder = structuredClone({ "": document });
  for (const operation of operations) apply(holder, operation);
  return holder[""] ?? null;
}

function apply(holder: Node, { op, path, from = "", value }: PatchOperation): void {
  switch (op) {
    case "add":
      put(holder, path, value, true);
      return;
    case "replace":
      take(holder, path, false);
      put(holder, path, value, false);
      return;
    case "remove":
      take(holder, path, true);
      return;
    case "move":
      put(holder, path, take(holder, from, true), true);
      return;
    case "copy":
      put(holder, path, structuredClone(take(holder, from, false)), true);
      return;
    case "test":
      demand(same(take(holder, path, false), value));
      return;
    default:
      demand(false);
  }
}

/** What holds the value at `path`, and under which key. */
function find(holder: Node, path: string): [Node, string] {
  const tokens = path.split("/").map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
  const key = tokens.pop() ?? "";
  return [tokens.reduce((node, token) => member(node, token) as Node, holder), key];
}

function take(holder: Node, path: string, remove: boolean): unknown {
  const [node, key] = find(holder, path);
  const value = member(node, key);
  if (remove && Array.isArray(node)) node.splice(Number(key), 1);
  else if (remove) delete node[key];
  return value;
}

function put(holder: Node, path: string, value: unknown, insert: boolean): void {
  const [node, key] = find(holder, path);
  demand(typeof node === "object" && node !== null);
  if (insert && Array.isArray(node)) {
    const at = key === "-" ? node.length : Number(key);
    demand(/^(-|0|[1-9]\d*)$/.test(key) && at <= node.length);
    node.splice(at, 0, value);
  } else {
    // An assignment to `__proto__` would be another thing.
    Object.defineProperty(node, key, { value, writable: true, enumerable: true, configurable: true });
  }
}

function member(node: unknown, key: string): unknown {
  demand(
    typeof node === "object" &&
      node !== null &&
      Object.hasOwn(node, key) &&
      !(Array.isArray(node) && key === "length"),
  );
  return (node as Record<string, unknown>)[key];
}

function same(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null)
    return one === other;
  const keys = Object.keys(one);
  if (Array.isArray(one) !== Array.isArray(other) || keys.length !== Object.keys(other).length) return false;
  return keys.every((key) => Object.hasOwn(other, key) && same(member(one, key), member(other, key)));
}

function demand(applies: boolean): void {
  if (!applies) throw new Error("the patch does not apply");
}
