/** The real server on a directory of its own, which survives being killed. Tests of all kinds of clients share it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BINARY = resolve(ROOT, process.env.MILEPOST_BINARY ?? "target/debug/milepost");

/** The server refuses settings that it does not know, and those of the tests are none of its. */
const SURROUNDINGS = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith("MILEPOST_")),
);

export class Server {
  #process;
  #directory;
  #settings;
  /** `http://127.0.0.1:PORT`. */
  url = "http://127.0.0.1:0";

  /** Starts a server with settings as they stand in the environment: `{ MILEPOST_CORS__ORIGINS: … }`. */
  static async start(settings = {}) {
    // Of whatever class extends this one.
    const server = new this();
    server.#settings = settings;
    server.#directory = await mkdtemp(join(tmpdir(), "milepost-test-"));
    await server.restart();
    return server;
  }

  /** Starts it again, on the same port and data. */
  async restart() {
    const listen = new URL(this.url).host;
    const words = ["serve", "--listen", listen, "--data-dir", join(this.#directory, "data")];
    const env = { RUST_LOG: "warn", ...SURROUNDINGS, ...this.#settings };
    // In its own directory, so that it finds no configuration of whoever runs the tests.
    this.#process = spawn(BINARY, words, { env, cwd: this.#directory, stdio: ["ignore", "pipe", "pipe"] });
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

  /** Ends it without a chance to say goodbye, or with one. */
  async kill(signal = "SIGKILL") {
    const exit = once(this.#process, "exit");
    this.#process.kill(signal);
    await exit;
  }

  /** Ends it, if it runs, and takes its data away. */
  async stop() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill("SIGTERM");
    await rm(this.#directory, { recursive: true, force: true });
  }
}
