/** JSON Patch (RFC 6902), as `state.updated` carries it. */

import type { PatchOperation } from "./generated.js";

/**
 * The document after all operations. The one that was given is left as it is; unchanged parts are shared.
 *
 * @throws when an operation does not apply.
 */
export function patched(document: unknown, operations: readonly PatchOperation[]): unknown {
  return operations.reduce(apply, document);
}

function apply(document: unknown, { op, path, from, value }: PatchOperation): unknown {
  const to = tokens(path);
  switch (op) {
    case "add":
      return change(document, to, (node, key) => insert(node, key, value), value);
    case "remove":
      return change(document, to, remove, null);
    case "replace":
      get(document, to);
      return change(document, to, (node, key) => set(node, key, value), value);
    case "copy":
      return apply(document, { op: "add", path, value: get(document, tokens(from)) });
    case "move": {
      const moved = get(document, tokens(from));
      return apply(apply(document, { op: "remove", path: from ?? "" }), { op: "add", path, value: moved });
    }
    case "test":
      if (same(get(document, to), value)) return document;
  }
  return fail(`${op} ${path}`);
}

type Container = unknown[] | Record<string, unknown>;

/** Changes what holds the last token of `path`, and copies the way to it. `whole` stands for the root itself. */
function change(
  node: unknown,
  [token, ...rest]: string[],
  last: (node: Container, token: string) => unknown,
  whole: unknown,
): unknown {
  if (token === undefined) return whole;
  if (rest.length === 0) return last(container(node), token);
  return set(container(node), token, change(member(node, token), rest, last, whole));
}

function tokens(pointer = ""): string[] {
  const [first, ...rest] = pointer.split("/");
  if (first !== "") fail(pointer);
  return rest.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function get(document: unknown, path: string[]): unknown {
  return path.reduce(member, document);
}

function member(node: unknown, token: string): unknown {
  const inside = container(node);
  if (Array.isArray(inside)) return inside[index(inside, token, inside.length - 1)];
  return Object.hasOwn(inside, token) ? inside[token] : fail(token);
}

function container(node: unknown): Container {
  return typeof node === "object" && node !== null ? (node as Container) : fail(String(node));
}

function set(node: Container, token: string, value: unknown): Container {
  if (!Array.isArray(node)) return { ...node, [token]: value };
  const at = index(node, token, node.length - 1);
  return node.map((kept, place) => (place === at ? value : kept));
}

function insert(node: Container, token: string, value: unknown): Container {
  if (!Array.isArray(node)) return set(node, token, value);
  const at = token === "-" ? node.length : index(node, token, node.length);
  return [...node.slice(0, at), value, ...node.slice(at)];
}

function remove(node: Container, token: string): Container {
  member(node, token);
  if (Array.isArray(node)) return node.filter((_, place) => place !== Number(token));
  const { [token]: _, ...kept } = node;
  return kept;
}

function index(node: unknown[], token: string, last: number): number {
  return /^(0|[1-9]\d*)$/.test(token) && Number(token) <= last
    ? Number(token)
    : fail(`${token} of ${node.length}`);
}

function same(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null)
    return one === other;
  const keys = Object.keys(one);
  if (Array.isArray(one) !== Array.isArray(other) || keys.length !== Object.keys(other).length) return false;
  return keys.every((key) => Object.hasOwn(other, key) && same(member(one, key), member(other, key)));
}

function fail(what: string): never {
  throw new Error(`the patch does not apply: ${what}`);
}
