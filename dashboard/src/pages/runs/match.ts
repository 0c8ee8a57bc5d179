import type { Run } from "../../model/run";

/** Whether each word of `search` is somewhere in what is shown of `run`. */
export function matches(run: Run, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = [run.name, run.id, run.kind, run.stage, run.message, run.error?.message]
    .join("\n")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}
