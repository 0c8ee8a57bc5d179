// Clients in other languages: signalrcore (Python) and the official one for Java. A test is skipped, with the reason, where
// the language is missing.

import { after, before, test } from "node:test";
import { java, noJava, noPython, python } from "../support/languages.js";
import { start } from "../support/server.js";

let server;
before(async () => (server = await start()));
after(() => server.stop());

test("signalrcore, over all transports", { skip: noPython }, () =>
  python("client.py", `${server.url}/testhub`),
);
test("the Java client", { skip: noJava }, () => java("Client", `${server.url}/testhub`));
