"""What signalrcore can do with the conformance server, over every transport and protocol that it has."""

import os
import queue
import sys
import threading
import traceback

from signalrcore.hub_connection_builder import HubConnectionBuilder
from signalrcore.types import HttpTransportType, HubProtocolEncoding

PATIENCE = 10


class Client:
    """One connection, with answers that can be waited for."""

    def __init__(self, url, transport, protocol):
        self.opened = threading.Event()
        self.closed = threading.Event()
        self.hub = (
            HubConnectionBuilder()
            .with_url(
                url,
                options={"transport": transport, "skip_negotiation": False},
            )
            .with_hub_protocol(protocol)
            .build()
        )
        # Failures of calls are told here, and to nobody else.
        self.failures = queue.Queue()
        self.hub.on_error(self.failures.put)
        self.hub.on_open(self.opened.set)
        self.hub.on_close(self.closed.set)

    def __enter__(self):
        self.hub.start()
        assert self.opened.wait(PATIENCE), "the connection did not open"
        return self

    def __exit__(self, *_):
        # This client closes its socket under the thread that reads it, and then waits for that thread, which waits for
        # the server's next ping.
        threading.Thread(target=self.hub.stop, daemon=True).start()

    def invoke(self, method, *arguments):
        done = threading.Event()
        answers = []

        def answered(message):
            answers.append(message)
            done.set()

        self.hub.send(method, list(arguments), answered)
        assert done.wait(PATIENCE), f"{method} was not answered"
        return answers[0]

    def listen(self, target, count):
        heard, done = [], threading.Event()

        def hear(arguments):
            heard.append(arguments)
            if len(heard) == count:
                done.set()

        self.hub.on(target, hear)
        return heard, done


def check(url, transport, protocol):
    with Client(url, transport, protocol) as client:
        assert client.invoke("Echo", {"a": [1, "two", None]}).result == {"a": [1, "two", None]}
        assert client.invoke("GetActiveTransportName").result == transport.value
        client.hub.send("ThrowHubException", ["oops"])
        assert "HubException: oops" in client.failures.get(timeout=PATIENCE).error

        client.invoke("Join", "python")
        heard, done = client.listen("GroupMessage", 1)
        # Polling, this client reads one message of each answer only: the completion may be lost to it.
        client.hub.send("SendToGroup", ["python", "hello"])
        assert done.wait(PATIENCE), "the group's message did not come"
        assert heard == [["python", "hello"]], heard


def main():
    url = sys.argv[1]
    for transport in HttpTransportType:
        check(url, transport, HubProtocolEncoding.text)
    # Polling, this client looks for the separators of JSON in MessagePack, and hears nothing.
    check(url, HttpTransportType.web_sockets, HubProtocolEncoding.binary)


def exit_after(program):
    """Runs a program and ends, without waiting for the threads of a connection that is not stopped."""
    status = 1
    try:
        program()
        status = 0
    except BaseException:
        traceback.print_exc()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    exit_after(main)
