/** A real server for tests: started on a free port with a directory of its own, killed, and started again. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BUILT = fileURLToPath(new URL("../../../target/debug/milepost", import.meta.url));

/** The server that is tested: `MILEPOST_BINARY`, or what `cargo build` made. */
export function binary(): string {
  const path = process.env.MILEPOST_BINARY ?? BUILT;
  if (!existsSync(path)) throw new Error(`there is no server at ${path}: cargo build --package milepost`);
  return path;
}

/** A running server. */
export class Server {
  #process: ChildProcess | undefined;
  #listen = "127.0.0.1:0";
  readonly #data = mkdtempSync(join(tmpdir(), "milepost-web-"));
  readonly #arguments: readonly string[];

  private constructor(more: readonly string[]) {
    this.#arguments = more;
  }

  /** Starts a server; resolves once it accepts connections. */
  static async start(...more: string[]): Promise<Server> {
    const server = new Server(more);
    await server.restart();
    return server;
  }

  get url(): string {
    return `http://${this.#listen}`;
  }

  /** Starts it again, at the same address and with the same data. */
  async restart(): Promise<void> {
    const options = ["serve", "--listen", this.#listen, "--data-dir", this.#data, ...this.#arguments];
    const process = spawn(binary(), options, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { RUST_LOG: "error" },
    });
    this.#process = process;
    for await (const line of createInterface({ input: process.stdout })) {
      const address = /^milepost listening on http:\/\/(\S+)$/.exec(line)?.[1];
      if (address === undefined) continue;
      this.#listen = address;
      process.stdout.resume();
      return;
    }
    throw new Error("the server did not start");
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const process = this.#process;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    process.kill("SIGKILL");
    await once(process, "exit");
  }

  /** Ends it and takes its data away. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#data, { recursive: true, force: true });
  }
}
