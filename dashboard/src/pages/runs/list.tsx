import { memo, type Ref } from "react";
import { Link } from "wouter";
import { Bar } from "../../components/bar";
import { Notice, Waiting } from "../../components/notice";
import { Remaining } from "../../components/remaining";
import { StateMark } from "../../components/state";
import { Age, Elapsed } from "../../components/times";
import { amount, percent } from "../../format/amount";
import { fractionOf, headline, isOver, type Run, shown, title } from "../../model/run";
import { runPath, useAddress } from "../../project";

interface Properties {
  ref: Ref<HTMLOListElement>;
  /** Undefined until the first answer. */
  runs: readonly Run[] | undefined;
  loaded: number;
  filtered: boolean;
  hasMore: boolean;
  onMore: () => void;
}

export function RunList({ ref, runs, loaded, filtered, hasMore, onMore }: Properties) {
  const address = useAddress();
  if (!runs) return <Waiting label="Loading the runs" rows={8} />;
  return (
    <>
      {runs.length === 0 && (filtered ? <NothingFound loaded={loaded} /> : <NothingYet />)}
      <ol className="run-list" ref={ref} aria-label="Runs, newest first">
        {runs.map((run) => (
          <RunRow key={run.id} run={run} href={address(runPath(run))} />
        ))}
      </ol>
      {hasMore && (
        <button type="button" className="button more" onClick={onMore}>
          Show older runs
        </button>
      )}
    </>
  );
}

/** Drawn again only when its run changed: others move many times a second. */
const RunRow = memo(function RunRow({ run, href }: { run: Run; href: string }) {
  const { current, total, unit } = run.progress;
  const over = isOver(run.state);
  const line = headline(run);
  return (
    <li>
      <Link className="run-row" href={href} data-run={run.id} data-state={shown(run)}>
        <StateMark state={shown(run)} />
        <span className="run-name">
          <span className="clip">{title(run)}</span>
          <span className="run-kind">{run.kind}</span>
        </span>
        <span className="run-line clip" title={line}>
          {line}
        </span>
        <span className="run-progress">
          <Bar run={run} />
          <span className="run-percent">{percent(fractionOf(run))}</span>
        </span>
        <span className="run-left clip">
          {over && run.started_at && (
            <>
              took <Elapsed run={run} />
            </>
          )}
          {!over && <Remaining run={run} unknown={amount(current, total, unit) ?? ""} />}
        </span>
        <span className="run-age">
          <Age time={run.created_at} />
        </span>
      </Link>
    </li>
  );
});

function NothingYet() {
  const address = useAddress();
  return (
    <Notice icon="spark" title="Nothing has run here yet">
      <p>
        Start one of the built-in jobs, or publish progress of your own. Whatever happens in this project
        appears here by itself.
      </p>
      <p className="notice-actions">
        <Link className="button button-main" href={address("/new/ingest")}>
          Ingest a repository
        </Link>
        <Link className="button" href={address("/new/campaign")}>
          Generate a campaign
        </Link>
      </p>
    </Notice>
  );
}

function NothingFound({ loaded }: { loaded: number }) {
  const address = useAddress();
  return (
    <Notice icon="search" title="No run is like that">
      {loaded > 0 && <p>The search looks through the runs that are loaded.</p>}
      <p className="notice-actions">
        <Link className="button" href={address("/")}>
          Drop the filters
        </Link>
      </p>
    </Notice>
  );
}
