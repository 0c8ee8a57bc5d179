/** The examples of docs/web.md. */

import { readFileSync } from "node:fs";

const TEXT = readFileSync(new URL("../../../docs/web.md", import.meta.url), "utf8");

/** An example that has a name. */
export interface Block {
  language: string;
  name: string;
  code: string;
}

/** All examples; those that show only a part have no name. */
export const BLOCKS: Block[] = [...TEXT.matchAll(/^```(jsx?|tsx?)(?: (\w+))?\n(.*?)^```$/gms)].map(
  ([, language = "", name = "", code = ""]) => ({ language, name, code }),
);

/** The example called `name`, for the server at `url` instead of the one on your machine. */
export function example(name: string, url: string): string {
  const block = BLOCKS.find((block) => block.name === name);
  if (block === undefined) throw new Error(`docs/web.md has no example ${name}`);
  return block.code.replaceAll("http://127.0.0.1:6453", url);
}
