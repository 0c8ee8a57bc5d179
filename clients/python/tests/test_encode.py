"""Whatever user code hands over becomes JSON, of a bounded size, in a bounded time."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import time
import uuid
from typing import Any

import pydantic
import pytest

import milepost
from milepost import _caps
from milepost._encode import amount, encode, label
from milepost._ids import as_id, is_id, new_run_id


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Point:
    x: int
    inner: Any = None


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    name: str
    thing: Any = None


class Broken:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


class BrokenModel:
    def model_dump(self) -> Any:
        raise RuntimeError("no")


class BrokenDict(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise RuntimeError("no")


class Scalar:
    """As a number of numpy."""

    ndim = 0

    def item(self) -> float:
        return 1.5


NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        (float("nan"), None),
        (float("inf"), None),
        ("ü", "ü"),
        ("a\ud800b", "a?b"),
        (2**63, str(2**63)),
        (10**5_000, "<a huge int>"),
        (Colour.RED, "red"),
        (Number.ONE, 1),
        ((1, 2), [1, 2]),
        ({1: "a", Colour.RED: "b"}, {"1": "a", "red": "b"}),
        (NOON, "2026-01-02T12:00:00+00:00"),
        (NOON.date(), "2026-01-02"),
        (datetime.timedelta(seconds=90), 90.0),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (pathlib.PurePosixPath("/a"), "/a"),
        (b"\x00\xff", "AP8="),
        (Point(1, [Point(2)]), {"x": 1, "inner": [{"x": 2, "inner": None}]}),
        (Model(name="n", thing=Colour.RED), {"name": "n", "thing": "red"}),
        (Scalar(), 1.5),
        (ValueError("x"), {"type": "ValueError", "message": "x"}),
        (Broken(), "<Broken>"),
        ([Broken(), 1], ["<Broken>", 1]),
        (BrokenModel(), "<BrokenModel>"),
        (BrokenDict(a=1), "<BrokenDict>"),
        ({"a": {1}}, {"a": [1]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values(value: object, plain: Any):
    assert json.loads(encode(value)) == plain


def test_cycles_and_depth():
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    assert json.loads(encode(cycle)) == {"self": "<a cycle>"}
    deep: Any = "bottom"
    for _ in range(100_000):
        deep = [deep]
    text = encode(deep)
    assert text.count("[") <= 50
    shared = [1]
    assert json.loads(encode([shared, shared])) == [[1], [1]]


@pytest.mark.parametrize(
    "huge",
    [
        "x" * 10_000_000,
        list(range(2_000_000)),
        {str(number): number for number in range(500_000)},
        b"x" * 50_000_000,
        "ü" * 5_000_000,
        '"' * 1_000_000,
        [{"a": "y" * 1_000}] * 10_000,
    ],
    ids=["text", "list", "dict", "bytes", "wide", "escaped", "nested"],
)
def test_huge_values_are_cut_quickly(huge: object):
    began = time.process_time()
    text = encode(huge)
    assert time.process_time() - began < 1.5
    assert len(text.encode()) <= _caps.DATA_BYTES
    json.loads(text)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (3, 3),
        (2.5, 2.5),
        (True, 1),
        (-1, None),
        (float("nan"), None),
        ("7", 7),
        ("x", None),
        (Broken(), None),
        ([], None),
    ],
)
def test_amounts(value: object, count: float | None):
    assert amount(value) == count


def test_labels_and_ids():
    assert label("x" * 300) == "x" * 255 + "…"
    assert label(Broken()) == "<Broken>"
    assert as_id("job-1") == "job-1"
    assert as_id(7) == "7"
    odd = ["a b", "a/b", "ü", "", ".", "..", "x" * 500, "a b" * 100, "~20~"]
    made = [as_id(text) for text in odd]
    assert all(map(is_id, made)), made
    assert len(set(made)) == len(odd)
    assert is_id(new_run_id())


def test_the_server_takes_whatever_was_given(client: milepost.Client):
    cycle: list[Any] = []
    cycle.append(cycle)
    with client.run("a kind", name=Broken(), metadata={"k": Broken(), "big": "x" * 1_000_000}) as run:
        run.progress(Broken(), "no number", unit=7, stage=Broken(), message="m" * 10_000)
        run.progress(-1, float("inf"))
        run.state(Broken(), cycle)
        run.state("big", list(range(1_000_000)))
        run.state("quotes", '"' * 1_000_000)
        run.restarted()
        run.artifact("json", {"a": Broken()})
        run.event(Broken(), Broken())  # type: ignore[arg-type]
        run.patch_state(None)  # type: ignore[arg-type]
        run.event("strange type ü", {"x": Broken()})
        run.message("\ud800" * 10)
        run.message("m" * 200_000, message="long")
        run.message(None)
        run.message("\0" * 100_000)
        run.artifact("../../etc/passwd", "text\ud800")
        run.artifact("gone", pathlib.Path("/nonexistent/file"))
        run.fail(Broken())
    assert client.flush(20)
    snapshot = client.snapshot(run.id)
    assert snapshot["state"] == "failed"
    shown = snapshot["runs"][0]
    assert set(shown["values"]) == {"<Broken>", "big", "quotes"}
    assert shown["values"]["quotes"]["truncated"] is True
    messages = {message["message"]: message for message in snapshot["messages"]}
    assert len(messages["long"]["content"]) + messages["long"]["omitted_bytes"] == 200_000
    states = {artifact["name"] or artifact["artifact"]: artifact["state"] for artifact in snapshot["artifacts"]}
    assert states == {"../../etc/passwd": "ready", "gone": "failed", "json": "ready"}
