"""`docs/agents.md` names the test of every promise: each of them has to be there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "agents.md"
_TEST = re.compile(r"`([\w./-]+\.(?:py|rs))::(\w+)`")
_ROW = re.compile(r"^\| (?!-|requirement|type |what was|criterion|note )(.+?) \| (.+) \|$", re.MULTILINE)


def promises() -> dict[str, list[tuple[str, str]]]:
    """The rows of the tables with the tests that they name."""
    tables = PAGE.read_text().split("## What is tested where", 1)[1]
    return {row[1]: _TEST.findall(row[2]) for row in _ROW.finditer(tables)}


def test_every_promise_has_a_test() -> None:
    assert len(promises()) >= 50
    assert [promise for promise, tests in promises().items() if not tests] == []


@pytest.mark.parametrize(("file", "name"), sorted(set(_TEST.findall(PAGE.read_text()))))
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    path = ROOT / file
    assert path.is_file(), f"{file} does not exist"
    assert re.search(rf"(def|fn) {name}\b", path.read_text()), f"{name} is not in {file}"
