"""Workers on claims, with the real server."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import pytest

import milepost
from milepost import Run, RunInfo, worker

from .conftest import Server, eventually, log_of


def queue(client: milepost.Client, kind: str, *ids: str) -> None:
    for name in ids:
        client.run(kind, id=name, metadata={"n": name}, state="queued")
    assert client.flush()


def test_a_function_works_on_what_is_queued(client: milepost.Client):
    queue(client, "resize", "r1", "r2", "r3")

    @worker("resize", client=client)
    def resize(run: Run, task: RunInfo) -> object:
        assert milepost.current_run() is run
        run.progress(1, 2)
        with run.step("encode") as step:
            step.progress(1, 1)
        if task["metadata"] == {"n": "r2"}:
            raise ValueError("not a picture")
        return task["metadata"]

    assert resize.work(limit=3) == 3
    states = {run["id"]: run for run in client.runs(kind="resize")["runs"]}
    assert (states["r1"]["state"], states["r1"]["result"]) == ("completed", {"n": "r1"})
    assert states["r2"]["state"] == "failed"
    assert states["r2"]["error"] is not None
    assert states["r2"]["error"]["message"] == "not a picture"
    assert states["r3"]["state"] == "completed"
    assert [run["name"] for run in client.snapshot("r1")["runs"]] == [None, "encode"]


def test_async_functions_at_once(server: Server, client: milepost.Client):
    queue(client, "fetch", "fetch-1", "fetch-2", "fetch-3", "fetch-4")
    together = 0
    most = 0

    @worker("fetch")
    async def fetch(run: Run) -> str:
        nonlocal together, most
        together += 1
        most = max(most, together)
        for _ in range(200):
            if most > 1:
                break
            await asyncio.sleep(0.01)
        together -= 1
        return run.id

    done = asyncio.run(fetch.work_async(milepost.AsyncClient(server.url), limit=4, at_once=2))
    assert (done, most) == (4, 2)
    assert {run["result"] for run in client.runs(kind="fetch")["runs"]} == {f"fetch-{number}" for number in range(1, 5)}


def test_sync_functions_in_async_workers(server: Server, client: milepost.Client):
    queue(client, "block", "b1")

    @worker("block")
    def block(run: Run) -> str:
        assert threading.current_thread() is not threading.main_thread()
        return "done"

    assert asyncio.run(block.work_async(milepost.AsyncClient(server.url), limit=1)) == 1
    assert client.snapshot("b1")["runs"][0]["result"] == "done"


def test_a_cancel_stops_the_function(client: milepost.Client):
    queue(client, "long", "l1")
    begun = threading.Event()

    @worker("long", client=client)
    def long(run: Run) -> None:
        begun.set()
        while True:
            run.cancelled.wait_blocking(0.05)
            run.check_cancelled()

    thread = threading.Thread(target=long.work, kwargs={"limit": 1})
    thread.start()
    assert begun.wait(20)
    client.cancel("l1", "enough", grace_seconds=60)
    thread.join(20)
    assert not thread.is_alive()
    cancel = client.snapshot("l1")["runs"][0]["cancel"]
    assert cancel is not None
    assert cancel["acknowledged"] is True


def test_an_async_function_is_cancelled_at_the_deadline(client: milepost.Client):
    queue(client, "deaf", "d1")
    begun = threading.Event()

    @worker("deaf", client=client)
    async def deaf(run: Run) -> None:
        begun.set()
        await asyncio.sleep(3_600)

    thread = threading.Thread(target=deaf.work, kwargs={"limit": 1})
    thread.start()
    assert begun.wait(20)
    client.cancel("d1", grace_seconds=2)
    thread.join(20)
    assert not thread.is_alive()
    cancel = client.snapshot("d1")["runs"][0]["cancel"]
    assert cancel is not None
    assert cancel["acknowledged"] is True


def test_leases_are_renewed_and_fence(client: milepost.Client):
    queue(client, "slow", "s1")
    claimed = client.claim("slow", lease_seconds=1, wait=5)
    assert claimed is not None
    old = client.attach("s1", lease=claimed["lease"])
    # Nobody renews the lease of this claim: the run stalls, and somebody else may have it.
    eventually(lambda: client.snapshot("s1")["runs"][0]["stalled"])
    again = client.claim("slow", lease_seconds=30, wait=5)
    assert again is not None
    assert again["run"]["attempt"] == 2
    old.progress(1, 2)
    assert old.cancelled.wait_blocking(10)
    assert old.cancelled.code == "lease_lost"
    with pytest.raises(milepost.Cancelled):
        old.check_cancelled()
    with client.attach("s1", lease=again["lease"], lease_seconds=30) as new:
        new.progress(2, 2)
    client.flush()
    shown = client.snapshot("s1")["runs"][0]
    assert (shown["state"], shown["progress"]["current"]) == ("completed", 2)
    assert [event.data.get("current") for event in log_of(client, "s1") if event.type == "run.progressed"] == [2]


def test_a_worker_keeps_its_lease(client: milepost.Client):
    queue(client, "long-lease", "k1")

    @worker("long-lease", client=client, lease_seconds=1)
    def keeps(run: Run) -> None:
        time.sleep(2.5)  # the work itself, silent for longer than the lease

    assert keeps.work(limit=1) == 1
    assert "run.stalled" not in [event.type for event in log_of(client, "k1")]


def test_workers_stop(client: milepost.Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["milepost.worker"], "_CLAIM_WAIT", 1)

    @worker("never", client=client)
    def never(run: Run) -> None: ...

    thread = threading.Thread(target=never.work)
    thread.start()
    while thread.is_alive():  # a stop before the start does not count; a claim that waits is waited for
        never.stop()
        thread.join(0.1)
    assert not thread.is_alive()


def test_a_worker_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one kind"):
        worker()(lambda run: None)
