"""What the server has of one project, for the tests of the adapters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from .conftest import Server


class Seen:
    """What the server has of one project."""

    def __init__(self, url: str, project: str) -> None:
        self.url, self.project = url, project
        self._http = httpx.Client(base_url=f"{url}/v1/projects/{project}")

    def runs(self) -> list[dict[str, Any]]:
        """The roots, oldest first; those of the same millisecond in any order."""
        return list(reversed(self._http.get("runs").json()["runs"]))

    def tree(self, root: str) -> dict[str, Any]:
        return dict(self._http.get(f"runs/{root}").json())

    def log(self, root: str, types: str | None = None) -> list[dict[str, Any]]:
        asked: dict[str, Any] = {"limit": 1000, **({"types": types} if types else {})}
        return list(self._http.get(f"runs/{root}/events", params=asked).json()["events"])

    def states(self, root: str) -> dict[str, str]:
        """`kind name` of every run below the root to its state; repeated names are numbered from the second on."""
        found: dict[str, str] = {}
        for run in self.tree(root)["runs"][1:]:
            name, count = f"{run['kind']} {run['name']}", 1
            while (label := name if count == 1 else f"{name} ({count})") in found:
                count += 1
            found[label] = run["state"]
        return found

    def root(self, root: str) -> dict[str, Any]:
        return dict(self.tree(root)["runs"][0])

    def named(self, root: str, name: str) -> dict[str, Any]:
        [run] = [run for run in self.tree(root)["runs"] if run["name"] == name]
        return dict(run)

    def told(self, root: str, run: str) -> list[str]:
        """The types of the events of one run, in order, without progress."""
        return [e["type"] for e in self.log(root) if e["run"] == run and e["type"] != "run.progressed"]


@pytest.fixture
def seen(server: Server, request: pytest.FixtureRequest) -> Seen:
    """The view of a project that only this test writes to."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", f"{Path(request.node.path).stem}-{request.node.name}").strip("-")
    return Seen(server.url, name[:100])
