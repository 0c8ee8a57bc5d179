import { useMemo } from "react";
import { Picture } from "../../artifacts/card";
import { keyOf } from "../../artifacts/kind";
import { Markdown } from "../../artifacts/markdown";
import { useArtifactText } from "../../artifacts/text";
import { useViewer } from "../../artifacts/viewer";
import { Notice } from "../../components/notice";
import type { Artifact } from "../../model/run";
import type { Campaign, Post } from "./posts";

/** Every post that was asked for has its frame from the beginning; texts and pictures come into it. */
export function PostGrid({ campaign, over }: { campaign: Campaign; over: boolean }) {
  const artifacts = useMemo(
    () => campaign.posts.flatMap((post) => [post.text, post.picture]).filter((artifact) => artifact !== null),
    [campaign],
  );
  const { viewer, open } = useViewer(artifacts, over);
  // When nothing more will come, a frame for what never came would look like something that still does.
  const posts = over ? campaign.posts.filter((post) => post.text ?? post.picture) : campaign.posts;
  if (posts.length === 0) return <Notice icon="text" title={over ? "It wrote no posts" : "No posts yet"} />;
  return (
    <>
      <ol className="posts">
        {posts.map((post) => (
          <PostCard key={post.number} post={post} visuals={campaign.visuals} over={over} onOpen={open} />
        ))}
      </ol>
      {viewer}
    </>
  );
}

interface Properties {
  post: Post;
  /** Whether pictures are made: then each post keeps a place for one, because which get one shows only later. */
  visuals: boolean;
  over: boolean;
  onOpen: (artifact: Artifact) => void;
}

function PostCard({ post, visuals, over, onOpen }: Properties) {
  const { text, picture, number } = post;
  return (
    <li className="post" data-post={number} data-state={text?.state ?? "expected"}>
      {picture && (
        <button
          type="button"
          className="post-picture"
          onClick={() => onOpen(picture)}
          aria-label={`Open the picture of post ${number}`}
        >
          <Picture key={keyOf(picture)} artifact={picture} over={over} />
        </button>
      )}
      {!picture && visuals && (
        <span className="post-picture post-number" aria-hidden="true">
          {number}
          {over && <small>No picture</small>}
        </span>
      )}
      <div className="post-text" tabIndex={0} role="group" aria-label={`Text of post ${number}`}>
        {text ? <PostText artifact={text} /> : <Expected over={over} />}
      </div>
      <p className="post-foot quiet">
        <span>
          Post {number}
          {over && text?.state === "pending" && " · never finished"}
        </span>
        {text?.state === "ready" && (
          <button type="button" className="link" onClick={() => onOpen(text)}>
            Open
          </button>
        )}
      </p>
    </li>
  );
}

function PostText({ artifact }: { artifact: Artifact }) {
  const fetched = useArtifactText(artifact);
  if (artifact.state === "failed")
    return <p className="form-error">{artifact.error?.message ?? "It could not be written."}</p>;
  if (fetched.state === "here") return <Markdown text={fetched.text} />;
  if (fetched.state === "failed") return <p className="form-error">It could not be loaded: {fetched.why}</p>;
  return <Expected over={false} />;
}

function Expected({ over }: { over: boolean }) {
  if (over) return <p className="quiet">It was not written.</p>;
  return (
    <span className="lines" aria-hidden="true">
      <span />
      <span />
      <span />
      <span />
    </span>
  );
}
