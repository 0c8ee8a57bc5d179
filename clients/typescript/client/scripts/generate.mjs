// Writes the generated types anew: `npm run generate`, with the server in MILEPOST_BINARY or built in target/debug.
import { writeFileSync } from "node:fs";
import { GENERATED, openapi, typescript } from "./schema.mjs";

const binary =
  process.env.MILEPOST_BINARY ?? new URL("../../../../target/debug/milepost", import.meta.url).pathname;
writeFileSync(GENERATED, await typescript(openapi(binary)));
