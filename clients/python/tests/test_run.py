"""What a run reports, as the server has it."""

from __future__ import annotations

import asyncio
import datetime
import threading
import time
from pathlib import Path

import pytest

import milepost

from .conftest import Server, eventually, log_of


def of_type(events: list[milepost.Event], kind: str) -> list[milepost.Event]:
    return [event for event in events if event.type == kind]


def test_a_run_with_everything(client: milepost.Client, tmp_path: Path):
    file = tmp_path / "report.csv"
    file.write_text("a,b\n")
    with client.run(kind="agent", name="Everything", metadata={"team": "a"}, expected_children=2) as run:
        assert milepost.current_run() is run
        run.progress(1, 10, "files", stage="Reading", message="a.csv")
        with run.step("first", weight=2.0) as step:
            assert milepost.current_run() is step
            step.progress(1, 2)
            step.state("rows", 7)
            step.patch_state([{"op": "add", "path": "/columns", "value": ["a"]}])
        node = run.node("second", id="fixed.child")
        node.fail("no luck", code="unlucky")
        run.waiting("for an answer")
        run.resumed()
        run.message("Hello", role="assistant", message="m1", final=False)
        run.message(", world", message="m1")
        run.artifact("plain", b"\x00\x01", type="blob")
        run.artifact("note", "text")
        run.artifact("table", file, media_type="text/csv")
        with run.artifact_stream("log", "log", "text/plain") as stream:
            stream.write("one\n")
            stream.write("two\n")
        run.event("x.custom", {"n": 1})
        run.complete({"answer": 42})
    assert milepost.current_run() is None
    assert client.flush()

    snapshot = client.snapshot(run.id)
    root, first, second = snapshot["runs"]
    assert (root["state"], root["kind"], root["name"]) == ("completed", "agent", "Everything")
    assert (root["metadata"], root["result"], root["stage"]) == ({"team": "a"}, {"answer": 42}, "Reading")
    assert root["expected_children"] == 2
    assert (first["name"], first["kind"], first["weight"], first["state"]) == ("first", "step", 2.0, "completed")
    assert first["values"] == {"rows": 7, "columns": ["a"]}
    assert (second["id"], second["kind"], second["state"]) == ("fixed.child", "node", "failed")
    assert second["error"] == {"code": "unlucky", "message": "no luck"}
    assert [message["content"] for message in snapshot["messages"]] == ["Hello, world"]
    assert snapshot["messages"][0]["final"] is True
    artifacts = {artifact["name"]: artifact for artifact in snapshot["artifacts"]}
    assert {artifact["state"] for artifact in artifacts.values()} == {"ready"}
    assert artifacts["log"]["text"] == "one\ntwo\n"
    assert artifacts["table"]["media_type"] == "text/csv"
    assert client.download(run.id, "plain") == b"\x00\x01"
    assert client.download(run.id, "table") == b"a,b\n"
    assert client.download(run.id, "log") == b"one\ntwo\n"
    assert of_type(log_of(client, run.id), "x.custom")[0].data == {"n": 1}


def test_the_order_is_that_of_the_process(client: milepost.Client):
    with client.run() as run:
        for number in range(50):
            run.progress(number, 50)
            run.event("x.mark", {"n": number})
    client.flush()
    events = log_of(client, run.id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    # A mark never comes before the progress that was reported before it.
    shown: list[tuple[str, int]] = []
    for event in events:
        if event.type == "run.progressed":
            shown.append(("progress", event.data["current"]))
        elif event.type == "x.mark":
            shown.append(("mark", event.data["n"]))
    assert shown == [(what, n) for n in range(50) for what in ("progress", "mark")]


def test_progress_is_coalesced_and_lifecycle_is_not(client: milepost.Client):
    with client.run() as run:
        for number in range(5_000):
            run.progress(number, 5_000)
        run.event("x.mark")
        for number in range(5_000):
            run.progress(message=f"m{number}")
    client.flush()
    events = log_of(client, run.id)
    progress = of_type(events, "run.progressed")
    assert 2 <= len(progress) <= 12
    assert progress[-1].data["message"] == "m4999"
    assert progress[-1].data["current"] == 4_999
    mark = next(at for at, event in enumerate(events) if event.type == "x.mark")
    assert events[mark - 1].data["current"] == 4_999


def test_unknown_takes_back(client: milepost.Client):
    with client.run() as run:
        run.progress(1, 10)
        client.flush()
        run.progress(total=milepost.UNKNOWN)
        client.flush()
        progress = client.snapshot(run.id)["progress"]
    assert (progress["current"], progress["total"]) == (1, None)


def test_an_exception_fails_the_run(client: milepost.Client):
    with pytest.raises(ZeroDivisionError), client.run() as run:
        _ = 1 / 0
    with pytest.raises(KeyError), client.run() as outer, outer.child("part"):
        raise KeyError("gone")
    client.flush()
    error = client.snapshot(run.id)["runs"][0]["error"]
    assert error is not None
    assert (error["code"], error["message"]) == ("ZeroDivisionError", "division by zero")
    assert error["details"]["traceback"].rstrip().endswith("ZeroDivisionError: division by zero")
    assert [part["state"] for part in client.snapshot(outer.id)["runs"]] == ["failed", "failed"]


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (KeyboardInterrupt(), "cancelled", "interrupted from the keyboard"),
        (asyncio.CancelledError(), "cancelled", "the task was cancelled"),
        (milepost.Cancelled("enough"), "cancelled", "enough"),
        (SystemExit(0), "completed", None),
        (SystemExit(3), "failed", None),
    ],
)
def test_what_ends_a_run(client: milepost.Client, error: BaseException, state: str, reason: str | None):
    with pytest.raises(type(error)), client.run() as run:
        raise error
    client.flush()
    assert client.snapshot(run.id)["state"] == state
    assert log_of(client, run.id)[-1].data.get("reason") == reason


def test_a_server_cancel_reaches_the_work(client: milepost.Client):
    heard = threading.Event()
    with pytest.raises(milepost.Cancelled, match="wrong branch"), client.run() as run:
        child = run.child("part")
        child.cancelled.add_callback(heard.set)
        client.flush()
        client.cancel(run.id, "wrong branch", grace_seconds=20)
        assert run.cancelled.wait_blocking(10)
        assert child.cancelled.is_set()
        deadline = run.cancelled.deadline
        assert deadline is not None
        assert deadline > datetime.datetime.now(datetime.timezone.utc)
        run.progress(5, 10)  # is not sent any more, and does not raise
        run.check_cancelled()
    assert heard.wait(5)
    client.flush()
    snapshot = client.snapshot(run.id)
    assert snapshot["state"] == "cancelled"
    cancel = snapshot["runs"][0]["cancel"]
    assert cancel is not None
    assert cancel["acknowledged"] is True
    assert snapshot["runs"][1]["state"] == "cancelled"


def test_a_cancel_of_a_part_leaves_the_rest_alone(client: milepost.Client):
    with client.run() as run:
        with run.child("part") as part:
            client.flush()
            client.cancel(part.id)
            assert part.cancelled.wait_blocking(10)
        assert not run.cancelled
        run.progress(1, 2)
    client.flush()
    assert [found["state"] for found in client.snapshot(run.id)["runs"]] == ["completed", "cancelled"]


def test_work_that_ends_before_it_hears_of_the_cancel_answers_it(client: milepost.Client):
    with client.run() as run:
        client.flush()
        client.cancel(run.id, grace_seconds=600)
        run.complete("too late")
    client.flush()
    snapshot = client.snapshot(run.id)
    assert snapshot["state"] == "cancelled"
    cancel = snapshot["runs"][0]["cancel"]
    assert cancel is not None
    assert cancel["acknowledged"] is True


def test_async_runs(server: Server):
    async def work() -> tuple[str, str, str]:
        async with milepost.AsyncClient(server.url) as client:
            async with client.run(kind="agent") as run:
                assert milepost.current_run() is run
                run.progress(1, 2)

            async def waits() -> None:
                async with client.run(id=f"{run.id}-2"):
                    await asyncio.sleep(60)

            task = asyncio.create_task(waits())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with client.run() as asked:
                await client.flush()
                await client.cancel(asked.id)
                await asyncio.wait_for(asked.cancelled.wait(), 10)
            assert await client.flush()
            states = [(await client.snapshot(name))["state"] for name in (run.id, f"{run.id}-2", asked.id)]
            return states[0], states[1], states[2]

    assert asyncio.run(work()) == ("completed", "cancelled", "cancelled")


def test_one_client_in_many_loops_and_threads(server: Server):
    client = milepost.AsyncClient(server.url)
    found: list[str] = []

    async def work() -> None:
        async with client.run() as run:
            run.progress(1, 1)
        await client.flush()
        found.append((await client.snapshot(run.id))["state"])

    threads = [threading.Thread(target=lambda: asyncio.run(work())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(work())
    asyncio.run(client.close())
    assert found == ["completed"] * 5


def test_threads_share_a_run(client: milepost.Client):
    with client.run() as run:

        def work(name: int) -> None:
            with run.child("part", name=name) as part:
                for number in range(200):
                    part.progress(number, 200)
                    part.event("x.mark", {"n": number})

        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    client.flush()
    events = log_of(client, run.id)
    for part in {event.run for event in of_type(events, "x.mark")}:
        marks = [event.data["n"] for event in of_type(events, "x.mark") if event.run == part]
        assert marks == list(range(200))
    assert client.snapshot(run.id)["progress"]["fraction"] == 1


def test_two_projects_at_once(client: milepost.Client):
    other = client.for_project("another")
    with client.run(id="same") as here, other.run(id="same") as there:
        here.event("x.here")
        there.event("x.there")
    client.flush()
    assert of_type(log_of(client, "same"), "x.here")
    assert not of_type(log_of(client, "same"), "x.there")
    assert of_type(log_of(other, "same"), "x.there")


def test_leases_are_kept_and_lost(client: milepost.Client):
    with client.run(lease_seconds=1) as run:
        client.flush()
        expires = client.snapshot(run.id)["runs"][0]["lease_expires_at"]
        eventually(lambda: client.snapshot(run.id)["runs"][0]["lease_expires_at"] != expires)
        assert client.snapshot(run.id)["runs"][0]["stalled"] is False


def test_a_run_that_is_ended_elsewhere_tells_its_worker(client: milepost.Client, server: Server):
    with client.run(lease_seconds=1) as run:
        client.flush()
        client.cancel(run.id, grace_seconds=0)
        assert run.cancelled.wait_blocking(10)
    client.flush()
    assert client.snapshot(run.id)["state"] == "cancelled"


def test_restarts_count_attempts(client: milepost.Client):
    with client.run() as run, run.step("flaky") as step:
        step.progress(5, 10)
        step.restarted()
        step.progress(1, 10)
        client.flush()
        info = client.snapshot(step.id)["runs"][0]
        assert (info["attempt"], info["progress"]["fraction"]) == (2, 0.1)


def test_children_of_runs_of_other_processes(client: milepost.Client):
    with client.run() as root:
        client.flush()
        with client.run("part", parent=root.id) as part:
            part.progress(1, 2)
            client.flush()
            assert part.stream == root.id
    client.flush()
    assert [run["state"] for run in client.snapshot(root.id)["runs"]] == ["completed", "completed"]


def test_closing_one_client_leaves_the_runs_of_another_alone(client: milepost.Client, server: Server):
    with client.run(lease_seconds=1) as run:
        other = milepost.Client(server.url)
        with other.run():
            pass
        assert other.close()
        client.cancel(run.id)
        assert run.cancelled.wait_blocking(10)


def test_a_queued_run_waits_for_a_worker(client: milepost.Client):
    run = client.run("wait-for-me", state="queued")
    client.flush()
    info = client.snapshot(run.id)["runs"][0]
    assert (info["state"], info["lease_seconds"]) == ("queued", None)
    run.started()
    run.complete()
    client.flush()
    assert client.snapshot(run.id)["state"] == "completed"


@pytest.mark.parametrize("wrong", [{"url": "localhost:6453"}, {"token": "a\nb"}, {"token": "ü"}], ids=str)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, str]):
    with pytest.raises(ValueError, match=r"is no URL|a token has"):
        milepost.Client(**wrong)


def test_the_environment_configures(server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MILEPOST_URL", f"{server.url}/")
    monkeypatch.setenv("MILEPOST_PROJECT", "from-env")
    with milepost.Client() as client, client.run() as run:
        pass
    assert milepost.Client(server.url, "from-env").snapshot(run.id)["project"] == "from-env"


def test_a_cancellation_is_heard_among_many_runs(client: milepost.Client):
    runs = [client.run() for _ in range(100)]
    parts = [run.child("part") for run in runs]
    client.flush()
    began = time.monotonic()
    client.cancel(runs[-1].id)
    assert parts[-1].cancelled.wait_blocking(20)
    assert time.monotonic() - began < 8, "before the next heartbeat"
    assert not any(run.cancelled for run in runs[:-1])
    for run in runs:
        run.complete()


def test_what_is_over_is_forgotten(client: milepost.Client):
    with client.run() as run:
        part = run.child("part")
        part.child("part of the part")
    client.flush()
    outbox = run._outbox
    eventually(lambda: not outbox.nodes)
    assert outbox not in client._engine.outboxes.values()
    part.event("x.late")  # nobody minds
    assert client.flush()
