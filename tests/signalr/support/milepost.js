// The real server, and what producers do with it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const built = fileURLToPath(new URL("../../../target/debug/milepost", import.meta.url));

/** A server with a directory of its own. It can be killed and started again, and keeps its port. */
export class Milepost {
  #child;
  #directory;
  #environment;
  url;

  static async start(environment = {}) {
    const server = new Milepost();
    server.#environment = environment;
    server.#directory = await mkdtemp(join(tmpdir(), "milepost-signalr-"));
    await server.restart("127.0.0.1:0");
    return server;
  }

  /** Starts it again where it was. */
  async restart(listen = new URL(this.url).host) {
    const [binary, env] = [process.env.MILEPOST_BINARY ?? built, { ...process.env, RUST_LOG: "warn", ...this.#environment }];
    const options = { env, stdio: ["ignore", "pipe", "inherit"], cwd: this.#directory };
    this.#child = spawn(binary, ["serve", "--listen", listen, "--data-dir", join(this.#directory, "data")], options);
    for await (const line of createInterface({ input: this.#child.stdout })) {
      this.url = line.match(/http:\/\/\S+/)?.[0] ?? this.url;
      if (line.includes("listening")) return;
    }
    throw new Error("the server did not start");
  }

  /** Ends it without a chance to say goodbye, or with one. */
  async kill(signal = "SIGKILL") {
    const exit = once(this.#child, "exit");
    this.#child.kill(signal);
    await exit;
  }

  async stop() {
    await this.kill("SIGTERM");
    await rm(this.#directory, { recursive: true });
  }

  get hub() {
    return `${this.url}/hubs/campaign`;
  }

  /** Calls the native API; fails when it refuses. */
  async call(method, path, body, project = "default") {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${this.url}/v1/projects/${project}${path}`, { method, headers, body: body && JSON.stringify(body) });
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
    return this.call("POST", "/runs", { id, kind: "agent", name, parent: campaign, state: "running" }, project);
  }

  publish(run, events, project) {
    return this.call("POST", `/runs/${run}/events`, events, project);
  }

  /** Publishes `count` events that are never coalesced. */
  async say(run, count, project) {
    for (let said = 0; said < count; said += 500) {
      const words = Array.from({ length: Math.min(500, count - said) }, (_, index) => ({ type: "x.said", data: { n: said + index } }));
      await this.publish(run, words, project);
    }
  }
}
