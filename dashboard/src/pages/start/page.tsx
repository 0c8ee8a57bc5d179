import { Link } from "wouter";
import { useTitle } from "../../components/title";
import { useAddress } from "../../project";
import { CampaignForm } from "./campaign";
import { IngestForm } from "./ingest";

/** The jobs that the server brings along. */
export function NewPage({ what }: { what: "ingest" | "campaign" }) {
  const address = useAddress();
  useTitle(what === "ingest" ? "Ingest a repository" : "Generate a campaign");
  return (
    <div className="narrow">
      <header className="page-head">
        <h1>Start something</h1>
      </header>
      <nav className="choices" aria-label="What to start">
        <Link href={address("/new/ingest")} aria-current={what === "ingest" ? "page" : undefined}>
          <strong>Ingest a repository</strong>
          <span>Clone it, parse its sources, index them for search</span>
        </Link>
        <Link href={address("/new/campaign")} aria-current={what === "campaign" ? "page" : undefined}>
          <strong>Generate a campaign</strong>
          <span>Posts, pictures and a short animation about a business</span>
        </Link>
      </nav>
      {what === "ingest" ? <IngestForm /> : <CampaignForm />}
    </div>
  );
}
