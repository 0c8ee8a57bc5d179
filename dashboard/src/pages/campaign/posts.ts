/** What a campaign made, put together as a reader sees it: each post with its picture. */
import { kindOf } from "../../artifacts/kind";
import type { Artifact, Run, Snapshot } from "../../model/run";

export interface Post {
  number: number;
  text: Artifact | null;
  picture: Artifact | null;
}

export interface Campaign {
  /** As many as were asked for, whether they are there or not. */
  posts: Post[];
  animations: Artifact[];
  /** What is neither: analyses, lists, reports. */
  others: Artifact[];
  description: string;
  objective: string;
  visuals: boolean;
}

/** More would be no campaign but a mistake, and would be drawn all the same. */
const POSTS_MAX = 100;

export function campaignOf(snapshot: Snapshot): Campaign {
  const metadata = snapshot.runs[0]?.metadata ?? {};
  const visuals = metadata["generate_visuals"] !== false;
  const posts = new Map<number, Post>();
  const post = (number: number) => {
    const known = posts.get(number) ?? { number, text: null, picture: null };
    posts.set(number, known);
    return known;
  };
  for (let number = 1; number <= Math.min(numberOf(metadata["post_count"]), POSTS_MAX); number += 1)
    post(number);
  const animations: Artifact[] = [];
  const others: Artifact[] = [];
  for (const artifact of snapshot.artifacts) {
    const number = placeOf(artifact);
    if (artifact.artifact_type === "animation" || artifact.artifact_type === "video")
      animations.push(artifact);
    // A later one of the same place takes it: that is how one that failed is made again.
    else if (artifact.artifact_type === "post") post(number ?? posts.size + 1).text = artifact;
    else if (kindOf(artifact) === "image" && number !== null) post(number).picture = artifact;
    else others.push(artifact);
  }
  return {
    posts: [...posts.values()].sort((one, other) => one.number - other.number),
    animations,
    others,
    description: textOf(metadata["business_description"]),
    objective: textOf(metadata["objective"]),
    visuals,
  };
}

/** The jobs of a campaign, as its stream has them. */
export function jobsOf(snapshot: Snapshot): Run[] {
  const [root] = snapshot.runs;
  return snapshot.runs.filter(
    (run) => run.parent === root?.id && ["text", "image", "video"].includes(run.kind),
  );
}

function placeOf(artifact: Artifact): number | null {
  const found = /(?:^|\D)(\d{1,4})(?:\D|$)/.exec(artifact.artifact);
  return found ? Number(found[1]) : null;
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : 0;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
