// Turns the OpenAPI document of the server into TypeScript: the types are written once, in the server.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";

/** Where the generated types are. */
export const GENERATED = fileURLToPath(new URL("../src/generated.ts", import.meta.url));

/** What the client sends, gets and hands out. What these refer to comes along. */
const NAMES = [
  "ArtifactStored",
  "CancelAccepted",
  "CreateRun",
  "Created",
  "Event",
  "EventData",
  "EventsPage",
  "InputEvent",
  "Problem",
  "Published",
  "RunsPage",
  "Snapshot",
];

const BANNER = `// Made from the server's OpenAPI document by \`npm run generate\`; a test compares. Do not edit.`;

/** The OpenAPI document of the server at `binary`. */
export function openapi(binary) {
  return JSON.parse(execFileSync(binary, ["openapi"], { encoding: "utf8", maxBuffer: 16 * 1024 * 1024 }));
}

/** The types of `document` as the text of a module. */
export async function typescript(document) {
  const schemas = Object.entries(document.components.schemas);
  const definitions = Object.fromEntries(
    schemas.map(([name, schema]) => [name, { title: name, ...adapted(schema) }]),
  );
  const properties = Object.fromEntries(NAMES.map((name) => [name, { $ref: `#/definitions/${name}` }]));
  const root = { type: "object", properties, required: NAMES, definitions, additionalProperties: false };
  const text = await compile(root, "Schemas", {
    additionalProperties: false,
    bannerComment: BANNER,
    strictIndexSignatures: false,
    unknownAny: true,
    style: { printWidth: 110 },
  });
  return text;
}

/** A schema without what differs between OpenAPI and JSON Schema: where references point to, and how "anything" is written. */
function adapted(schema) {
  if (schema.$ref !== undefined)
    return { $ref: schema.$ref.replace("#/components/schemas/", "#/definitions/") };
  const { format: _, properties, items, ...kept } = schema;
  for (const union of ["oneOf", "allOf", "anyOf"]) {
    if (kept[union] !== undefined) kept[union] = kept[union].map(adapted);
  }
  if (items !== undefined) kept.items = adapted(items);
  if (properties !== undefined) {
    const members = Object.entries(properties).map(([name, member]) => [name, adapted(member)]);
    return { ...kept, properties: Object.fromEntries(members) };
  }
  if ([kept.type].flat().includes("object")) return { ...kept, additionalProperties: true };
  const anything = !["type", "enum", "oneOf", "allOf", "anyOf"].some((key) => key in kept);
  return anything ? { ...kept, tsType: "unknown" } : kept;
}
