import { MilepostClient } from "@milepost/client";
import { MilepostProvider } from "@milepost/react";
import { useEffect, useMemo } from "react";
import { Link, Route, Switch } from "wouter";
import { Notice } from "./components/notice";
import { CampaignPage } from "./pages/campaign/page";
import { RunPage } from "./pages/run/page";
import { RunsPage } from "./pages/runs/page";
import { NewPage } from "./pages/start/page";
import { rememberProject, useAddress, useProject } from "./project";
import { Shell } from "./shell/shell";
import { useToken } from "./token";

/** One drawing for each frame of the screen is as live as it gets. */
const FRAME_MS = 16;

export function App() {
  const project = useProject();
  const [token] = useToken();
  const client = useMemo(
    () => new MilepostClient({ url: location.origin, project, ...(token ? { token } : {}) }),
    [project, token],
  );
  useEffect(() => rememberProject(project), [project]);
  return (
    <MilepostProvider client={client} throttleMs={FRAME_MS} key={`${project} ${token ?? ""}`}>
      <Shell>
        <Switch>
          <Route path="/" component={RunsPage} />
          <Route path="/runs" component={RunsPage} />
          <Route path="/runs/:run">{({ run }) => <RunPage key={run} id={run} />}</Route>
          <Route path="/campaigns/:run">{({ run }) => <CampaignPage key={run} id={run} />}</Route>
          <Route path="/new/:what?">
            {({ what }) => <NewPage what={what === "campaign" ? "campaign" : "ingest"} />}
          </Route>
          <Route component={Nowhere} />
        </Switch>
      </Shell>
    </MilepostProvider>
  );
}

function Nowhere() {
  const address = useAddress();
  return (
    <Notice page icon="search" title="There is no page at this address">
      <Link href={address("/")}>See all runs</Link>
    </Notice>
  );
}
