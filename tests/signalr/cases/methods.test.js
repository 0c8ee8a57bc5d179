// What every client can do, in every way it can connect.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { collect, combinations, connected, until } from "../support/clients.js";
import { start } from "../support/server.js";

let server;
before(async () => (server = await start()));
after(() => server.stop());

for (const how of combinations) {
  describe(how.name, { concurrency: true }, () => {
    const use = (does, path = "/testhub") => connected(server.url + path, how, does);
    const refuses = (promise, message) => assert.rejects(promise, { message });

    test("calls and is answered", () =>
      use(async (hub) => {
        for (const value of [
          "text with \u001e and 🦀",
          "",
          null,
          true,
          42,
          -1.5,
          [1, [2]],
          { a: { b: null } },
        ]) {
          assert.deepEqual(await hub.invoke("Echo", value), value);
        }
        assert.equal(await hub.invoke("gEtAcTiVeTrAnSpOrTnAmE"), how.transportName);
        assert.equal(await hub.invoke("Add", 2, 3), 5);
        // Version 5 knows the id of version 0 of the negotiation only.
        assert.equal(await hub.invoke("GetCallerConnectionId"), hub.connectionId);
        assert.equal((await hub.invoke("Nothing")) ?? null, null);
      }));

    test("may leave optional arguments out", () =>
      use(async (hub) => {
        assert.equal(await hub.invoke("Greet", "Ada"), "Hello, Ada");
        assert.equal(await hub.invoke("Greet", "Ada", null), "Hello, Ada");
        assert.equal(await hub.invoke("Greet", "Ada", "Hi"), "Hi, Ada");
      }));

    test("is called", () =>
      use(async (hub) => {
        const heard = [];
        hub.on("CustomObject", (object) => heard.push(object));
        await hub.invoke("SendCustomObject", { Name: "test", Value: 42 });
        await until(() => heard.length === 1, "the call of CustomObject");
        assert.deepEqual(heard, [{ Name: "test", Value: 42 }]);
      }));

    test("exchanges complex objects", () =>
      use(async (hub) => {
        const binary = how.protocol === "messagepack";
        const bytes = binary ? new Uint8Array([1, 2, 3]) : Buffer.from([1, 2, 3]).toString("base64");
        const time = binary ? new Date(Date.UTC(2002, 3, 1, 10, 20, 15)) : "2002-04-01T10:20:15Z";
        const object = {
          String: "Hello, World!",
          IntegerArray: Array.from({ length: 20 }, (_, index) => index + 1),
          ByteArray: bytes,
          GUID: "00010203-0405-0607-0706-050403020100",
          DateTime: time,
        };
        const plain = (object) => ({ ...object, ByteArray: Array.from(object.ByteArray) });
        assert.deepEqual(plain(await hub.invoke("EchoComplexObject", object)), plain(object));
        const heard = new Promise((resolve) => hub.on("ComplexObject", resolve));
        await hub.invoke("SendComplexObject");
        assert.deepEqual(plain(await heard), plain(object));
      }));

    test("streams from the server", () =>
      use(async (hub) => {
        assert.deepEqual(await collect(hub.stream("Stream")), ["a", "b", "c"]);
        assert.deepEqual(await collect(hub.stream("EmptyStream")), []);
        assert.deepEqual(await collect(hub.stream("SharedStream", 3)), [0, 1, 2]);
        await assert.rejects(collect(hub.stream("StreamThrowException", "oops")), (error) => {
          assert.deepEqual(error.items, ["first"]);
          assert.equal(error.message, "An error occurred on the server while streaming results. Error: oops");
          return true;
        });
      }));

    test("cancels a stream and goes on", () =>
      use(async (hub) => {
        const cancelled = new Promise((resolve) => hub.on("StreamCanceled", resolve));
        await new Promise((enough) => {
          const subscription = hub.stream("InfiniteStream").subscribe({
            next: (number) => {
              if (number !== 2) return;
              subscription.dispose();
              enough();
            },
            error: assert.fail,
            complete: () => {},
          });
        });
        await cancelled;
        assert.equal(await hub.invoke("Add", 1, 1), 2);
      }));

    test("streams to the server", () =>
      use(async (hub) => {
        const subject = new how.library.Subject();
        const all = hub.invoke("StreamingConcat", subject);
        for (const part of ["a", "b", "c"]) subject.next(part);
        subject.complete();
        assert.equal(await all, "abc");

        const numbers = new how.library.Subject();
        const doubled = collect(hub.stream("Double", numbers));
        for (const number of [1, 2, 3]) numbers.next(number);
        numbers.complete();
        assert.deepEqual(await doubled, [2, 4, 6]);

        const failing = new how.library.Subject();
        const failed = hub.invoke("StreamingConcat", failing);
        failing.next("a");
        failing.error(new Error("changed my mind"));
        await assert.rejects(failed, /HubException: .*changed my mind/);
      }));

    test("is told what went wrong, and goes on", () =>
      use(async (hub) => {
        const invoking = (name) => `An unexpected error occurred invoking '${name}' on the server.`;
        const failed = (name) => `Failed to invoke '${name}' due to an error on the server.`;
        await refuses(hub.invoke("ThrowException", "oops"), `${invoking("ThrowException")} Error: oops`);
        await refuses(
          hub.invoke("ThrowHubException", "oops"),
          `${invoking("ThrowHubException")} HubException: oops`,
        );
        await refuses(hub.invoke("Missing"), `${failed("Missing")} HubException: Method does not exist.`);
        await refuses(
          hub.invoke("Add", 1),
          `${failed("Add")} InvalidDataException: Invocation provides 1 argument(s) but target expects 2.`,
        );
        await refuses(
          hub.invoke("Add", 1, 2, 3),
          `${failed("Add")} InvalidDataException: Invocation provides 3 argument(s) but target expects 2.`,
        );
        await assert.rejects(
          hub.invoke("Add", "one", 2),
          new RegExp(`^Error: ${failed("Add").replaceAll(".", "\\.")} InvalidDataException: Error binding`),
        );
        await refuses(
          hub.invoke("Stream"),
          "The client attempted to invoke the streaming 'Stream' method with a non-streaming invocation.",
        );
        await refuses(
          collect(hub.stream("Add", 1, 2)),
          "The client attempted to invoke the non-streaming 'Add' method with a streaming invocation.",
        );
        await refuses(
          collect(hub.stream("ThrowBeforeStream", "no")),
          `${invoking("ThrowBeforeStream")} HubException: no`,
        );
        assert.equal(await hub.invoke("Add", 1, 1), 2);
      }));

    test("is told nothing of what went wrong inside", () =>
      use(async (hub) => {
        await refuses(
          hub.invoke("ThrowException", "secret"),
          "An unexpected error occurred invoking 'ThrowException' on the server.",
        );
        await refuses(
          hub.invoke("ThrowHubException", "oops"),
          "An unexpected error occurred invoking 'ThrowHubException' on the server. HubException: oops",
        );
        await refuses(hub.invoke("Panic"), "An unexpected error occurred invoking 'Panic' on the server.");
        await refuses(hub.invoke("Add", 1), "Failed to invoke 'Add' due to an error on the server.");
        await refuses(
          collect(hub.stream("StreamThrowException", "secret")),
          "An error occurred on the server while streaming results.",
        );
        assert.equal(await hub.invoke("Add", 1, 1), 2);
      }, "/plainhub"));
  });
}
