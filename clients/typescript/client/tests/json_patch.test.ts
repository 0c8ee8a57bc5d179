/** JSON Patch, by the examples of RFC 6902 that apply. */

import { expect, test } from "vitest";
import { patched } from "../src/json_patch.js";

test.each([
  [{ foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { foo: "bar", baz: "qux" }],
  [{ foo: [1, 2] }, [{ op: "add", path: "/foo/1", value: 9 }], { foo: [1, 9, 2] }],
  [{ foo: [1] }, [{ op: "add", path: "/foo/-", value: [2] }], { foo: [1, [2]] }],
  [{ foo: 1, bar: 2 }, [{ op: "remove", path: "/foo" }], { bar: 2 }],
  [{ foo: [1, 2, 3] }, [{ op: "remove", path: "/foo/1" }], { foo: [1, 3] }],
  [{ foo: 1 }, [{ op: "replace", path: "/foo", value: null }], { foo: null }],
  [[1, 2, 3], [{ op: "replace", path: "/1", value: 9 }], [1, 9, 3]],
  [{ a: { b: 1 }, c: {} }, [{ op: "move", from: "/a/b", path: "/c/d" }], { a: {}, c: { d: 1 } }],
  [[1, 2, 3], [{ op: "move", from: "/0", path: "/2" }], [2, 3, 1]],
  [
    { a: [1] },
    [
      { op: "copy", from: "/a", path: "/b" },
      { op: "add", path: "/b/-", value: 2 },
    ],
    { a: [1], b: [1, 2] },
  ],
  [
    { a: 1 },
    [
      { op: "test", path: "/a", value: 1 },
      { op: "remove", path: "/a" },
    ],
    {},
  ],
  [
    { "a/b": 1, "m~n": 2 },
    [
      { op: "remove", path: "/a~1b" },
      { op: "remove", path: "/m~0n" },
    ],
    {},
  ],
  [{ "~1": 1 }, [{ op: "replace", path: "/~01", value: 2 }], { "~1": 2 }],
  [{ a: 1 }, [{ op: "replace", path: "", value: [1] }], [1]],
  [{ a: 1 }, [{ op: "remove", path: "" }], null],
  [null, [{ op: "add", path: "", value: { a: 1 } }], { a: 1 }],
  [{ "": 1 }, [{ op: "replace", path: "/", value: 2 }], { "": 2 }],
])("%j %j", (document, operations, expected) => {
  expect(patched(document, operations)).toStrictEqual(expected);
});

test("a member may be called __proto__", () => {
  const result = patched({}, [{ op: "add", path: "/__proto__", value: { a: 1 } }]) as object;
  expect(JSON.stringify(result)).toBe('{"__proto__":{"a":1}}');
  expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
  expect(() => patched({}, [{ op: "add", path: "/__proto__/polluted", value: 1 }])).toThrow();
});
