"""The fold of this client against that of the server, and JSON Patch by itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from milepost import Event
from milepost._patch import PatchError, patched
from milepost.fold import Fold

VECTORS = sorted(
    Path(os.environ.get("MILEPOST_VECTORS") or Path(__file__).parents[3] / "tests" / "vectors").glob("*/*.json")
)


def comparable(snapshot: Any) -> Any:
    """Without what is no part of the fold."""
    runs = [{key: value for key, value in run.items() if key != "lease_expires_at"} for run in snapshot["runs"]]
    return {**{key: value for key, value in snapshot.items() if key != "time"}, "runs": runs}


def test_there_are_vectors():
    assert len(VECTORS) >= 15


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_fold_agrees_with_the_server(path: Path):
    vector = json.loads(path.read_text())
    state = Fold(vector.get("start"), project=vector["project"], epoch=vector["epoch"])
    expected = {snapshot["at"]: snapshot["snapshot"] for snapshot in vector["snapshots"]}
    last = state.seq
    for frame in vector["events"]:
        event = Event.of(frame)
        if vector["name"] != "resume/part":
            assert (event.coalesced_from or event.seq) == last + 1, "something is missing"
        state.apply(event)
        last = event.seq
        if event.seq in expected:
            assert comparable(state.snapshot()) == comparable(expected.pop(event.seq)), f"after event {event.seq}"
    assert not expected


def test_snapshots_belong_to_those_who_took_them():
    vector = json.loads(next(path for path in VECTORS if path.stem == "values").read_text())
    events = [Event.of(frame) for frame in vector["events"]]
    state = Fold(project=vector["project"], epoch=vector["epoch"])
    state.apply(events[0])
    first = state.snapshot()
    before = json.dumps(first)
    for event in events[1:]:
        state.apply(event)
    assert json.dumps(first) == before


@pytest.mark.parametrize(
    ("document", "operations", "result"),
    [
        ({"a": [1, 2]}, [{"op": "add", "path": "/a/1", "value": 9}], {"a": [1, 9, 2]}),
        ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 9}], {"a": [1, 9]}),
        ({"a/b": {"~": 1}}, [{"op": "replace", "path": "/a~1b/~0", "value": 2}], {"a/b": {"~": 2}}),
        ({"a": 1}, [{"op": "move", "from": "/a", "path": "/b"}], {"b": 1}),
        ({"a": {"x": 1}}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": {"x": 1}, "b": {"x": 1}}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
        ({"a": 1.0}, [{"op": "test", "path": "/a", "value": 1}], {"a": 1.0}),
        ({"a": 1}, [{"op": "remove", "path": "/a"}], {}),
    ],
)
def test_patches(document: Any, operations: Any, result: Any):
    assert patched(document, operations) == result


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a/0", "value": True},
        {"op": "remove", "path": "/b"},
        {"op": "add", "path": "/a/01", "value": 1},
        {"op": "add", "path": "/a/5", "value": 1},
        {"op": "replace", "path": "/b", "value": 1},
        {"op": "move", "from": "/a", "path": "/a/0"},
        {"op": "add", "path": "a", "value": 1},
        {"op": "frobnicate", "path": "/a"},
        {"op": "add", "path": "/a/0/x/y", "value": 1},
    ],
)
def test_patches_that_do_not_apply(operation: Any):
    document = {"a": [1]}
    with pytest.raises(PatchError):
        patched(document, [operation])
    assert document == {"a": [1]}
