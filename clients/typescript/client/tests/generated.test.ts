/** The types are those of the server. */

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { binary } from "../../testing/server.js";
// @ts-expect-error a script without types
import { GENERATED, openapi, typescript } from "../scripts/schema.mjs";

test("the generated types are those of the server; `npm run generate` writes them anew", async () => {
  expect(readFileSync(GENERATED, "utf8")).toBe(await typescript(openapi(binary())));
});
