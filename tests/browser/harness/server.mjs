/** The real server on a directory of its own, which survives being killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const BINARY = resolve(ROOT, process.env.MILEPOST_BINARY ?? "target/debug/milepost");

export class Server {
  #directory;
  #process = null;
  /** `http://127.0.0.1:PORT`. */
  url = "";

  static async start() {
    const server = new Server();
    server.#directory = await mkdtemp(join(tmpdir(), "milepost-browser-"));
    await server.#spawn("127.0.0.1:0");
    return server;
  }

  /** As a crash does it: nothing is flushed, nobody is told. */
  async kill() {
    this.#process.kill("SIGKILL");
    await once(this.#process, "exit");
  }

  /** On the same port and data. */
  async restart() {
    await this.#spawn(new URL(this.url).host);
  }

  async stop() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #spawn(listen) {
    const data = join(this.#directory, "data");
    this.#process = spawn(BINARY, ["serve", "--listen", listen, "--data-dir", data], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    this.#process.stderr.on("data", (chunk) => {
      said += chunk;
    });
    const lines = createInterface({ input: this.#process.stdout });
    const [line] = await Promise.race([once(lines, "line"), once(lines, "close")]);
    const found = /listening on (http:\S+)/.exec(line ?? "");
    if (!found) throw new Error(`${BINARY} did not start: ${line ?? ""}\n${said}`);
    this.url = found[1];
  }
}
