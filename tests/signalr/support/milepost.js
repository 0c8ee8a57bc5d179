// What producers do with the real server.

import { Server } from "../../support/server.mjs";

/** A server with campaigns. */
export class Milepost extends Server {
  get hub() {
    return `${this.url}/hubs/campaign`;
  }

  /** Calls the native API; fails when it refuses. */
  async call(method, path, body, project = "default") {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${this.url}/v1/projects/${project}${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
    const answer = await response.json();
    if (!response.ok) throw Object.assign(new Error(answer.detail), answer);
    return answer;
  }

  /** Creates a campaign that runs. */
  campaign(id, project) {
    return this.call("POST", "/runs", { id, kind: "campaign", name: "Spring", state: "running" }, project);
  }

  /** Creates an agent of a campaign. */
  agent(campaign, id, name, project) {
    return this.call(
      "POST",
      "/runs",
      { id, kind: "agent", name, parent: campaign, state: "running" },
      project,
    );
  }

  publish(run, events, project) {
    return this.call("POST", `/runs/${run}/events`, events, project);
  }

  /** Publishes `count` events that are never coalesced. */
  async say(run, count, project) {
    for (let said = 0; said < count; said += 500) {
      const words = Array.from({ length: Math.min(500, count - said) }, (_, index) => ({
        type: "x.said",
        data: { n: said + index },
      }));
      await this.publish(run, words, project);
    }
  }
}
