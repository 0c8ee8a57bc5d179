// Web pages on an origin of their own, in a real browser.

import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css" };
const { resolve } = createRequire(import.meta.url);
const beside = (folder) => (file) => fileURLToPath(new URL(folder + file, import.meta.url));
/** Where files are, by how their paths begin. Packages are where Node finds them: npm chooses the folder. */
const places = [
  ["/node_modules/", resolve],
  ["/test/", beside("./")],
  ["/", beside("../../../examples/signalr-browser/")],
];

/** Why there is no browser; undefined where there is one. */
export const missing = existsSync(executablePath)
  ? undefined
  : `SKIPPED: no Chromium at ${executablePath}; CHROMIUM says where it is`;

async function read(locate, file) {
  return readFile(locate(file));
}

/** A browser, and the page of examples/signalr-browser with the official client. */
export class Pages {
  #server;
  #browser;

  static async start() {
    const pages = new Pages();
    pages.#server = createServer((request, response) => {
      const { pathname } = new URL(request.url, "http://pages");
      const [prefix, locate] = places.find(([prefix]) => pathname.startsWith(prefix));
      const file = pathname.slice(prefix.length) || "index.html";
      read(locate, file).then(
        (bytes) =>
          response
            .writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" })
            .end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    pages.#server.listen(0, "127.0.0.1");
    await once(pages.#server, "listening");
    pages.#browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    return pages;
  }

  /** Where the pages are; by another name of the machine it is another origin. */
  origin(host = "127.0.0.1") {
    return `http://${host}:${this.#server.address().port}`;
  }

  /** Opens a page in a window of its own, whose browser lacks what `without` names. */
  async open(path, query, { without = [], host } = {}) {
    const page = await this.#browser.newPage({ viewport: { width: 900, height: 600 } });
    await page.addInitScript((names) => {
      for (const name of names) delete globalThis[name];
    }, without);
    await page.goto(`${this.origin(host)}${path}?${new URLSearchParams(query)}`);
    return page;
  }

  async stop() {
    await this.#browser.close();
    this.#server.close();
  }
}
