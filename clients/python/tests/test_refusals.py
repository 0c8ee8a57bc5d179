"""What the answers of a server do to the events that they are about, and to no others."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

import milepost

from .conftest import eventually, free_port
from .fake import FakeServer, problem


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


@pytest.fixture
def client(fake: FakeServer) -> Iterator[milepost.Client]:
    with milepost.Client(fake.url, token="secret-token") as client:
        yield client


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def bad(kind: str) -> Any:
    """A judge that refuses what has an event of a type, without saying which."""
    return lambda events: problem(422, "invalid_event") if any(event["type"] == kind for event in events) else None


def test_what_is_sent(fake: FakeServer, client: milepost.Client):
    with client.run("agent", id="r", name="N", metadata={"a": 1}, weight=2, expected_children=3) as run:
        run.event("x.a")
    client.flush()
    method, path, headers, body = fake.requests[0]
    assert (method, path, headers["Authorization"]) == ("POST", "/v1/projects/default/runs", "Bearer secret-token")
    assert body == {
        "id": "r",
        "kind": "agent",
        "state": "running",
        "name": "N",
        "weight": 2,
        "expected_children": 3,
        "metadata": {"a": 1},
        "lease_seconds": 30,
    }


@pytest.mark.parametrize(
    "fault",
    [
        None,
        (500, {}, {"code": "internal"}),
        (502, {}, b"<html>a proxy</html>"),
        (503, {"Retry-After": "0"}, {"code": "store_unavailable"}),
        (429, {"Retry-After": "0"}, {"code": "too_many_requests"}),
        (408, {}, {}),
        (200, {}, b"not JSON"),
        (200, {}, []),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again_with_the_same_events(fake: FakeServer, client: milepost.Client, fault: Any):
    fake.faults = [fault, fault]
    with client.run() as run:
        run.event("x.a", {"n": 1})
    assert client.flush(20)
    assert fake.types() == ["x.a", "run.completed"]
    first, second, third = fake.publishes()[:3]
    assert first == second == third


def test_retry_after_is_honoured(fake: FakeServer, client: milepost.Client):
    fake.faults = [problem(429, "too_many_requests", {"Retry-After": "1"})]
    began = time.monotonic()
    with client.run():
        pass
    assert client.flush(20)
    assert 1.0 <= time.monotonic() - began < 10
    assert fake.types() == ["run.completed"]


@pytest.mark.parametrize("status", [401, 403])
def test_without_the_right_nothing_is_sent_and_the_work_goes_on(
    fake: FakeServer, client: milepost.Client, caplog: pytest.LogCaptureFixture, status: int
):
    fake.judge = lambda _: problem(status, "unauthorized" if status == 401 else "forbidden")
    with client.run() as run:
        run.event("x.a")
        assert client.flush(20)
        asked = len(fake.publishes())
        for number in range(10):
            run.event("x.b", {"n": number})
            run.progress(number)
        assert client.flush(20)
        assert not run.cancelled
    assert client.flush(20)
    assert len(fake.publishes()) == asked
    said = warnings(caplog)
    assert len(said) == 1
    assert "secret-token" not in caplog.text


def test_a_refused_creation_ends_the_run_for_us(
    fake: FakeServer, client: milepost.Client, caplog: pytest.LogCaptureFixture
):
    fake.creating = lambda: problem(409, "run_exists")
    with client.run() as run:
        run.event("x.a")
    assert client.flush(20)
    assert not fake.publishes()
    assert len(warnings(caplog)) == 1


def test_a_cancellation_in_the_answer_is_heard(fake: FakeServer, client: milepost.Client):
    def judge(events: list[dict[str, Any]]) -> Any:
        if [event["type"] for event in events] == ["run.cancelled"]:
            return None
        cancel = {"run": "r", "by": None, "reason": "no", "deadline": "2026-11-20T05:28:00.689Z"}
        return problem(409, "run_cancelling", cancel=cancel)

    fake.judge = judge
    with pytest.raises(milepost.Cancelled, match="no"), client.run(id="r") as run:
        part = run.child("part", id="r.1")
        run.event("x.a")
        assert part.cancelled.wait_blocking(10)
        assert run.cancelled.reason == "no"
        assert run.cancelled.deadline is not None
        run.check_cancelled()
    assert client.flush(20)
    assert [(event["run"], event["type"]) for event in fake.events.values()] == [("r", "run.cancelled")]


def test_a_cancellation_of_one_part_costs_the_others_nothing(fake: FakeServer, client: milepost.Client):
    def judge(events: list[dict[str, Any]]) -> Any:
        if any(event["run"] == "r.1" and event["type"] not in ("run.cancelled", "run.created") for event in events):
            return problem(409, "run_cancelling", cancel={"run": "r.1", "reason": None, "deadline": None})
        return None

    with client.run(id="r") as run:
        part = run.child("part", id="r.1")
        assert client.flush(20)
        fake.judge = judge
        part.event("x.lost")
        run.event("x.kept", {"n": 1})
        part.complete()
        run.event("x.kept", {"n": 2})
    assert client.flush(20)
    told = [(event["run"], event["type"]) for event in fake.events.values()]
    assert [entry for entry in told if entry[0] == "r"] == [("r", "x.kept"), ("r", "x.kept"), ("r", "run.completed")]
    assert ("r.1", "run.cancelled") in told
    assert ("r.1", "x.lost") not in told
    assert not run.cancelled


def test_a_lost_lease_stops_the_work(fake: FakeServer, client: milepost.Client):
    fake.judge = lambda _: problem(409, "lease_lost")
    run = client.attach("r", lease="e/r/1")
    part = run.child("part")
    assert run.cancelled.wait_blocking(10)
    assert part.cancelled.is_set()
    assert (run.cancelled.code, run.cancelled.asked) == ("lease_lost", False)
    with pytest.raises(milepost.Cancelled):
        run.check_cancelled()
    assert client.flush(20)
    asked = len(fake.publishes())
    run.complete()
    assert client.flush(20)
    assert len(fake.publishes()) == asked
    assert fake.requests[0][2]["Milepost-Lease"] == "e/r/1"


@pytest.mark.parametrize("said", [True, False])
def test_a_refused_event_costs_no_other(
    fake: FakeServer, client: milepost.Client, caplog: pytest.LogCaptureFixture, said: bool
):
    def judge(events: list[dict[str, Any]]) -> Any:
        for index, event in enumerate(events):
            if event["type"] == "x.bad":
                return problem(422, "invalid_event", index=index if said else None)
        return None

    with client.run() as run:
        fake.faults = [problem(503, "store_unavailable")]  # so that what follows is one batch
        fake.judge = judge
        for number in range(20):
            run.event("x.bad" if number in (3, 4, 17) else "x.good", {"n": number})
    assert client.flush(20)
    numbers = [event["data"].get("n") for event in fake.events.values() if event["type"] == "x.good"]
    assert numbers == [number for number in range(20) if number not in (3, 4, 17)]
    assert fake.types()[-1] == "run.completed"
    assert len([text for text in warnings(caplog) if "x.bad" in text]) == 1


def test_a_batch_that_is_too_large_is_halved(fake: FakeServer, client: milepost.Client):
    fake.judge = lambda events: problem(413, "body_too_large") if len(events) > 3 else None
    with client.run() as run:
        for number in range(30):
            run.event("x.n", {"n": number})
    assert client.flush(20)
    assert [event["data"].get("n") for event in fake.events.values()][:-1] == list(range(30))


def test_a_slow_server_holds_nobody_up(fake: FakeServer, client: milepost.Client):
    fake.judge = lambda _: time.sleep(0.3)
    began = time.monotonic()
    with client.run() as run:
        for number in range(1_000):
            run.progress(number, 1_000)
            run.event("x.n")
    assert time.monotonic() - began < 0.3
    assert client.flush(20)
    assert fake.types().count("x.n") == 1_000


def test_nobody_is_there_and_it_is_said_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("milepost._caps.QUEUE_ENTRIES", 50)
    client = milepost.Client(f"http://127.0.0.1:{free_port()}")
    with client.run() as run:
        eventually(lambda: warnings(caplog))
        for number in range(500):
            run.progress(number, 500)
            run.event("x.n", {"n": number})
        outbox = run._outbox
        progress = [entry for entry in outbox.entries if type(entry).__name__ == "Progress"]
        assert len(progress) <= 51
        assert sum(type(entry).__name__ == "Events" for entry in outbox.entries) >= 499
    assert client.flush(0.2) is False
    said = warnings(caplog)
    assert len([text for text in said if "kept and sent later" in text]) == 1
    assert len([text for text in said if "progress is dropped" in text]) == 1
    began = time.monotonic()
    assert client.close(0.2) is False
    assert time.monotonic() - began < 3


def test_even_messages_are_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("milepost._caps.QUEUE_ENTRIES_HARD", 20)
    client = milepost.Client(f"http://127.0.0.1:{free_port()}")
    with client.run() as run:
        for _ in range(100):
            run.message("x")
        part = run.child("part")
        part.complete()
    kinds = [kind for entry in run._outbox.entries for _, kind, _ in entry.published()]
    assert len(kinds) < 30
    assert kinds[-4:] == ["run.created", "run.started", "run.completed", "run.completed"]
    client.close(0)


def test_calls_say_what_is_wrong(fake: FakeServer, client: milepost.Client):
    with pytest.raises(milepost.Refused, match="not_found") as refused:
        client.snapshot("nobody")
    assert (refused.value.status, refused.value.code, refused.value.transient) == (404, "not_found", False)
    with pytest.raises(milepost.Unreachable):
        milepost.Client(f"http://127.0.0.1:{free_port()}").snapshot("x")
