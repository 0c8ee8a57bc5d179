/** The server and the browser of a file of tests, which has a process of its own. */
import { after } from "node:test";
import { Server } from "../../support/server.mjs";
import { launch } from "./browser.mjs";
import { Runs } from "./runs.mjs";

export const [server, browser] = await Promise.all([Server.start(), launch()]);
export const runs = new Runs(server);

after(async () => {
  await browser.close();
  await server.stop();
});
