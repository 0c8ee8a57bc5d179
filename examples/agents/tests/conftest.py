"""The application in a process of its own, started as a user would start it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[1] / "app.py"
# The example is a directory of modules, not a package: run as a script, it finds them beside it.
sys.path.insert(0, str(APP.parent))


@pytest.fixture(scope="session")
def app() -> Iterator[str]:
    """Its address. It starts a Milepost server of its own, by the one command."""
    settings = {**os.environ, "PYTHONUNBUFFERED": "1"}
    settings.pop("MILEPOST_URL", None)
    command = [sys.executable, str(APP), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=settings) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found is not None, "the application did not start"
            yield found[0]
        finally:
            process.terminate()
            process.wait(20)
