import { useProgressiveGeneration, useRun } from "@milepost/react";
import { useMemo } from "react";
import { Link } from "wouter";
import { Gallery } from "../../artifacts/gallery";
import { Bar } from "../../components/bar";
import { Connection, ConnectionBanner } from "../../components/connection";
import { CopyLink } from "../../components/copy";
import { Waiting } from "../../components/notice";
import { Refusal } from "../../components/refusal";
import { Remaining } from "../../components/remaining";
import { StateWord } from "../../components/state";
import { Elapsed } from "../../components/times";
import { useRunTitle } from "../../components/title";
import { useConsole } from "../../console";
import { percent, plural } from "../../format/amount";
import { headline, isOver, type Run, type Snapshot, title } from "../../model/run";
import { useAddress } from "../../project";
import { CancelButton, CancelSteps } from "../run/cancel";
import { Animations } from "./animation";
import { Audit } from "./audit";
import { Jobs } from "./jobs";
import { PostGrid } from "./post_grid";
import { campaignOf, jobsOf } from "./posts";

/** A campaign for whoever ordered it: what is there already, and how long the rest will take. */
export function CampaignPage({ id }: { id: string }) {
  const view = useRun(id);
  const { snapshot, status, error, seq, cursor } = view;
  useConsole(id, view);
  const { progress } = useProgressiveGeneration(id);
  const address = useAddress();
  const root = snapshot?.runs[0];
  const campaign = useMemo(() => snapshot && campaignOf(snapshot), [snapshot]);
  useRunTitle(id, root);
  if (!snapshot || !root || !campaign) {
    return error && status === "failed" ? (
      <Refusal error={error} what="campaign" />
    ) : (
      <Waiting label="Loading the campaign" rows={8} />
    );
  }
  const there = campaign.posts.filter((post) => post.text?.state === "ready").length;
  return (
    <>
      <ConnectionBanner status={status} error={error} />
      <nav className="crumbs" aria-label="Where this is">
        <Link href={address("/", { kind: "campaign" })}>Campaigns</Link>
        <span aria-hidden="true">/</span>
        <span className="mono clip">{root.id}</span>
        <span className="topbar-space" />
        <Connection status={status} seq={seq} cursor={cursor} />
      </nav>
      <Head
        root={root}
        shortfall={shortfall(snapshot)}
        overall={progress?.overall_progress ?? root.progress.fraction ?? null}
        objective={campaign.objective}
        description={campaign.description}
      />
      <Jobs snapshot={snapshot} jobs={progress?.jobs ?? null} />
      <Audit root={root} />
      <section className="campaign-part" aria-labelledby="posts">
        <h2 id="posts">
          Posts{" "}
          <span className="quiet">
            {campaign.posts.length ? `${there} of ${plural(campaign.posts.length, "post")}` : ""}
          </span>
        </h2>
        <PostGrid campaign={campaign} over={isOver(root.state)} />
      </section>
      {(campaign.visuals || campaign.animations.length > 0) && (
        <section className="campaign-part" aria-labelledby="animation">
          <h2 id="animation">Animation</h2>
          <Animations artifacts={campaign.animations} over={isOver(root.state)} />
        </section>
      )}
      {campaign.others.length > 0 && (
        <section className="campaign-part" aria-labelledby="others">
          <h2 id="others">Also made</h2>
          <Gallery snapshot={{ ...snapshot, artifacts: campaign.others }} />
        </section>
      )}
    </>
  );
}

/** What a completed campaign has to say besides: it is completed as soon as anything came of it. */
function shortfall(snapshot: Snapshot): string {
  const jobs = jobsOf(snapshot);
  const missed = jobs.filter((job) => job.state === "failed" || job.state === "cancelled").length;
  return snapshot.state === "completed" && missed > 0
    ? `${missed} of ${plural(jobs.length, "job")} came to nothing`
    : "";
}

function Head({
  root,
  shortfall,
  overall,
  objective,
  description,
}: {
  root: Run;
  shortfall: string;
  overall: number | null;
  objective: string;
  description: string;
}) {
  const address = useAddress();
  const over = isOver(root.state);
  return (
    <header className="run-head">
      <div className="run-head-title">
        <h1 className="clip" title={title(root)}>
          {objective || title(root)}
        </h1>
        <div className="actions">
          <Link className="button" href={address(`/runs/${encodeURIComponent(root.id)}`)}>
            See the run
          </Link>
          <CopyLink />
          {!over && <CancelButton run={root} disabled={false} />}
        </div>
      </div>
      {description && <p className="campaign-about">{description}</p>}
      <div className="run-head-progress">
        <span className="run-head-percent">{percent(overall)}</span>
        <div className="run-head-bar">
          <Bar run={root} size="thick" />
          <p className="run-head-line clip" data-state={root.state}>
            <StateWord run={root} />
            <span className="quiet">
              {" · "}
              <Elapsed run={root} />
              {!over && root.progress.eta_ms != null && (
                <>
                  {" · "}
                  <Remaining run={root} unknown="" />
                </>
              )}
            </span>
            {headline(root) && ` · ${headline(root)}`}
            {shortfall && <span className="shortfall"> · {shortfall}</span>}
          </p>
        </div>
      </div>
      {root.cancel && <CancelSteps run={root} cancel={root.cancel} />}
    </header>
  );
}
