import { expect, test } from "vitest";
import type { Artifact, Snapshot } from "../../model/run";
import { campaignOf } from "./posts";

function snapshot(metadata: Record<string, unknown>, artifacts: Partial<Artifact>[]): Snapshot {
  return {
    runs: [{ id: "c", metadata }],
    artifacts: artifacts.map((more) => ({ run: "c:text", state: "ready", ...more })),
  } as Snapshot;
}

test("posts have their places before they are there", () => {
  const { posts } = campaignOf(
    snapshot({ post_count: 3 }, [{ artifact: "post-2.md", artifact_type: "post" }]),
  );
  expect(posts.map((post) => [post.number, post.text?.artifact])).toEqual([
    [1, undefined],
    [2, "post-2.md"],
    [3, undefined],
  ]);
});

test("pictures find their posts, and what is neither stands apart", () => {
  const found = campaignOf(
    snapshot({ post_count: 1 }, [
      { artifact: "post-1.png", artifact_type: "image", media_type: "image/png" },
      { artifact: "animation.gif", artifact_type: "animation", media_type: "image/gif" },
      { artifact: "analysis.json", artifact_type: "analysis", media_type: "application/json" },
    ]),
  );
  expect(found.posts[0]?.picture?.artifact).toBe("post-1.png");
  expect(found.animations).toHaveLength(1);
  expect(found.others.map((artifact) => artifact.artifact)).toEqual(["analysis.json"]);
});

test("what failed is replaced by what was made instead", () => {
  const { posts } = campaignOf(
    snapshot({}, [
      { artifact: "post-1.md", artifact_type: "post", state: "failed" },
      { artifact: "post-1.1.md", artifact_type: "post" },
    ]),
  );
  expect(posts).toHaveLength(1);
  expect(posts[0]?.text?.artifact).toBe("post-1.1.md");
});

test("metadata of others are no harm", () => {
  expect(campaignOf(snapshot({ post_count: "many", objective: 7 }, []))).toMatchObject({
    posts: [],
    objective: "",
  });
  expect(campaignOf(snapshot({ post_count: 1e9 }, [])).posts).toHaveLength(100);
});
