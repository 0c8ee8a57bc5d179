"""The examples of the README do what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Server

EXAMPLES = re.findall(
    r"^## (.+?)$|^```python\n(.*?)^```", (Path(__file__).parents[1] / "README.md").read_text(), re.MULTILINE | re.DOTALL
)


def examples() -> list[tuple[str, str]]:
    """Headings and the code below them."""
    found, heading = [], ""
    for title, code in EXAMPLES:
        heading = title or heading
        if code:
            found.append((heading, code))
    return found


def test_there_are_examples():
    assert len(examples()) >= 7


@pytest.mark.parametrize(("heading", "code"), examples(), ids=[heading for heading, _ in examples()])
def test_example(server: Server, heading: str, code: str):
    settings = {**os.environ, "MILEPOST_URL": server.url, "MILEPOST_PROJECT": "readme"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=settings,
        text=True,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
