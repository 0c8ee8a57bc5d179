"""A real server for the tests, in a process of its own."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import milepost
from milepost import _caps


def binary() -> str:
    """The server: MILEPOST_BINARY, or what cargo has built here."""
    root = Path(__file__).parents[3]
    return os.environ.get("MILEPOST_BINARY") or str(root / "target" / "debug" / "milepost")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A Milepost server that can be killed and started again on the same port, with the same data."""

    def __init__(self, data: Path, port: int = 0) -> None:
        self.data, self.port = data, port
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Server:
        command = [binary(), "serve", "--listen", f"127.0.0.1:{self.port}", "--data-dir", str(self.data)]
        log = (self.data.parent / "server.log").open("a")
        # The server refuses settings that it does not know, and those of the client are none of its.
        settings = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=settings)
        log.close()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"listening on http://[^:]+:(\d+)", line):
                self.port = int(found[1])
                return self
        raise RuntimeError(f"the server did not start: {(self.data.parent / 'server.log').read_text()[-2_000:]}")

    def kill(self) -> None:
        """As by a power cut."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@pytest.fixture(scope="session", autouse=True)
def impatient() -> Iterator[None]:
    """Some tests leave reports behind that no server will ever take: the end of the tests neither waits nor complains."""
    _caps.EXIT_TIMEOUT = 0.1  # type: ignore[misc]
    yield
    logging.getLogger("milepost").setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that leave it alone."""
    running = Server(tmp_path_factory.mktemp("server") / "data").start()
    yield running
    running.kill()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server of one test, not started yet, on a port that is known."""
    own = Server(tmp_path / "data", free_port())
    yield own
    own.kill()


@pytest.fixture
def client(server: Server) -> Iterator[milepost.Client]:
    with milepost.Client(server.url) as client:
        yield client


def eventually(condition: Callable[[], object], timeout: float = 15.0) -> None:
    """Waits until it holds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not come to pass in time"
        threading.Event().wait(0.01)


def log_of(client: milepost.Client, run: str) -> list[milepost.Event]:
    """The whole log of a run that is over."""
    return list(client.follow(run, after=0))
