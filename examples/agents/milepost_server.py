"""Finds a Milepost server, or starts one for as long as the application runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

DEFAULT = "http://127.0.0.1:6453"


@dataclass
class Running:
    """A server; `process` is None where it is not ours."""

    url: str
    process: subprocess.Popen[str] | None = None

    def memory(self) -> int:
        """Bytes of memory that it holds (Linux)."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))


@contextlib.contextmanager
def running_server() -> Iterator[Running]:
    """That of MILEPOST_URL, one that runs on this machine, or one of our own."""
    given = os.environ.get("MILEPOST_URL")
    if given or _answers(DEFAULT):
        yield Running(given or DEFAULT)
        return
    with started_server() as server:
        yield server


@contextlib.contextmanager
def started_server() -> Iterator[Running]:
    """A server of our own on a free port; its data is gone afterwards."""
    # It refuses settings that it does not know, and those of the client are none of its.
    settings = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
    with tempfile.TemporaryDirectory(prefix="milepost-") as data:
        command = [_binary(), "serve", "--listen", "127.0.0.1:0", "--data-dir", data]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=settings) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                if "listening on " not in line:
                    raise SystemExit(f"the Milepost server did not start: {line.strip()}")
                yield Running(line.split()[-1], process)
            finally:
                process.terminate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=1).is_success
    except httpx.HTTPError:
        return False


def _binary() -> str:
    target = Path(__file__).parents[2] / "target"
    built = [str(target / profile / "milepost") for profile in ("release", "debug")]
    for place in (os.environ.get("MILEPOST_BINARY"), shutil.which("milepost"), *built):
        if place and os.access(place, os.X_OK):
            return place
    raise SystemExit("no Milepost server: start one, set MILEPOST_URL, or build it with `cargo build -p milepost`")
