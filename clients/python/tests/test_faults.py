"""Servers that come, go and die; processes that fork and end. Nothing may be lost, nothing doubled."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import milepost
from milepost._token import parse_time

from .conftest import Server, eventually, log_of
from .flaky import FlakyNetwork


def marks(client: milepost.Client, run: str) -> list[int]:
    return [event.data["n"] for event in log_of(client, run) if event.type == "x.n"]


def python(code: str, server: Server, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs code in another interpreter, as a user's script."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
    settings = {**known, "MILEPOST_URL": server.url, **settings}
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(command, env=settings, text=True, capture_output=True, timeout=30, check=False)


def test_a_server_that_comes_later(own_server: Server):
    client = milepost.Client(own_server.url)
    with client.run(id="early") as run:
        for number in range(300):
            run.event("x.n", {"n": number})
            run.progress(number, 300)
    happened = time.time()
    assert client.flush(1.5) is False
    own_server.start()
    assert client.flush(20)
    assert marks(client, "early") == list(range(300))
    events = log_of(client, "early")
    assert events[-1].type == "run.completed"
    told = parse_time(events[-1].time)
    assert told is not None
    assert abs(told.timestamp() - happened) < 0.5, "it says when it happened, not when it was heard of"
    client.close()


def test_a_server_that_dies_under_load(own_server: Server):
    own_server.start()
    client = milepost.Client(own_server.url)
    stop = threading.Event()
    emitted = dict.fromkeys(("load-0", "load-1", "load-2"), 0)

    def load(name: str) -> None:
        with client.run(id=name) as run:
            while not stop.is_set():
                number = emitted[name]
                run.event("x.n", {"n": number})
                run.progress(number)
                emitted[name] = number + 1
                if number % 20 == 0:
                    time.sleep(0.001)  # lets the others, and the sender, have their turn

    threads = [threading.Thread(target=load, args=(name,)) for name in emitted]
    for thread in threads:
        thread.start()
    for _ in range(4):
        for name, before in dict(emitted).items():
            eventually(functools.partial(lambda name, before: emitted[name] > before + 200, name, before))
        own_server.kill()
        own_server.start()
    stop.set()
    for thread in threads:
        thread.join()
    assert client.flush(30)
    for name, count in emitted.items():
        assert marks(client, name) == list(range(count)), name
        assert client.snapshot(name)["state"] == "completed"
    client.close()


def test_a_server_that_is_gone_at_the_end(own_server: Server):
    own_server.start()
    client = milepost.Client(own_server.url)
    with client.run(id="end") as run:
        run.event("x.n", {"n": 0})
        client.flush()
        own_server.kill()
        run.event("x.n", {"n": 1})
    own_server.start()
    assert client.flush(20)
    assert marks(client, "end") == [0, 1]
    client.close()


def test_a_network_that_breaks_in_the_middle(server: Server, client: milepost.Client, monkeypatch: pytest.MonkeyPatch):
    """Requests that never arrive, and answers that get lost after the server has stored everything."""
    monkeypatch.setattr("milepost._caps.RETRY_MAX", 0.3)
    with FlakyNetwork(server.port, odds=0.15, seed=7) as network:
        far = milepost.Client(network.url)
        seen: list[int] = []

        def follow() -> None:
            seen.extend(event.seq for event in far.follow("flaky", after=0))

        with far.run("flaky", id="flaky") as run:
            eventually(lambda: client.runs(kind="flaky")["runs"])
            thread = threading.Thread(target=follow)
            thread.start()
            for number in range(400):
                run.event("x.n", {"n": number})
                run.progress(number, 400)
                if number % 4 == 0:
                    time.sleep(0.002)  # so that it takes many requests
            run.artifact("bytes", b"x" * 100_000)
        eventually(lambda: network.cuts >= 10 or far.flush(0.05), 30)
        network.heal()
        assert far.flush(30)
        assert network.cuts >= 5
        assert marks(client, "flaky") == list(range(400))
        assert client.snapshot("flaky")["state"] == "completed"
        assert client.download("flaky", "bytes") == b"x" * 100_000
        thread.join(30)
        assert sorted(set(seen)) == seen
        assert set(seen) >= {event.seq for event in log_of(client, "flaky") if event.type == "x.n"}
        far.close()


def test_a_cancellation_over_a_restart(own_server: Server):
    own_server.start()
    client = milepost.Client(own_server.url)
    with client.run(id="c") as run:
        client.flush()
        own_server.kill()
        own_server.start()
        client.cancel("c", "enough", grace_seconds=60)
        assert run.cancelled.wait_blocking(15)
    assert client.flush(20)
    assert client.snapshot("c")["state"] == "cancelled"
    client.close()


def test_the_interpreter_waits_for_what_is_queued(server: Server, client: milepost.Client):
    done = python(
        """
        import milepost
        with milepost.Client().run(id="at-exit") as run:
            for number in range(2_000):
                run.event("x.n", {"n": number})
            run.progress(1, 1)
        """,
        server,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert marks(client, "at-exit") == list(range(2_000))
    assert client.snapshot("at-exit")["state"] == "completed"


def test_the_interpreter_does_not_wait_for_ever(server: Server):
    began = time.monotonic()
    done = python(
        """
        import milepost
        from milepost import _caps
        _caps.EXIT_TIMEOUT = 0.5
        with milepost.Client("http://127.0.0.1:1").run() as run:
            run.progress(1, 1)
        """,
        server,
    )
    assert done.returncode == 0
    assert "the rest of the reports is lost" in done.stderr
    assert time.monotonic() - began < 10


def test_an_exception_and_an_exit_end_runs_properly(server: Server, client: milepost.Client):
    code = """
        import milepost, sys
        with milepost.Client().run(id=sys.argv[1]) as run:
            {}
        """
    assert python(code.format("raise KeyError('x')"), server, "uncaught").returncode == 1
    assert python(code.format("sys.exit(0)"), server, "exited").returncode == 0
    assert [client.snapshot(name)["state"] for name in ("uncaught", "exited")] == ["failed", "completed"]


def test_ctrl_c_cancels_the_run(server: Server, client: milepost.Client):
    code = 'import milepost, time, sys\nwith milepost.Client(sys.argv[1]).run(id="ctrl-c"):\n    time.sleep(60)'
    process = subprocess.Popen([sys.executable, "-c", code, server.url], stderr=subprocess.DEVNULL)

    def begun() -> bool:
        try:
            return client.snapshot("ctrl-c")["state"] == "running"
        except milepost.Refused:
            return False

    eventually(begun)
    process.send_signal(signal.SIGINT)
    process.wait(20)
    assert client.snapshot("ctrl-c")["state"] == "cancelled"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forks(server: Server, client: milepost.Client):
    done = python(
        """
        import milepost, os, sys
        client = milepost.Client()
        with client.run(id="forked") as run:
            run.event("x.n", {"n": 0})
            client.flush()
            run.event("x.n", {"n": 1})   # may be queued while it forks: the parent sends it, once
            children = []
            for number in (2, 3):
                child = os.fork()
                if child == 0:
                    run.event("x.n", {"n": number})
                    run.progress(number, 10)
                    with run.child("part", id=f"forked.{number}") as part:
                        part.event("x.n", {"n": number + 10})
                    ok = client.flush(10)
                    try:
                        sys.exit(0)
                    except SystemExit:
                        run.__exit__(None, None, None)   # as when it leaves the block
                    client.flush(10)
                    os._exit(0 if ok else 1)
                children.append(child)
            run.event("x.n", {"n": 4})
            assert all(os.waitpid(child, 0)[1] == 0 for child in children)
            run.event("x.n", {"n": 5})
        """,
        server,
        PYTHONWARNINGS="ignore::DeprecationWarning",  # Python warns of every fork with threads
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(marks(client, "forked")) == [0, 1, 2, 3, 4, 5, 12, 13]
    snapshot = client.snapshot("forked")
    assert {run["state"] for run in snapshot["runs"]} == {"completed"}
    assert len(snapshot["runs"]) == 3


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(server: Server, client: milepost.Client, method: str, tmp_path: object):
    name = f"pool-{method}"
    script = f"{tmp_path}/script.py"
    with open(script, "w") as file:
        file.write(
            textwrap.dedent(
                """
                import milepost, multiprocessing, sys

                client = milepost.Client()

                def work(number):
                    with client.run("part", parent=sys.argv[1], id=f"{sys.argv[1]}.{number}", lease_seconds=None) as part:
                        part.event("x.n", {"n": number})

                if __name__ == "__main__":
                    with client.run(id=sys.argv[1]) as run:
                        client.flush()
                        context = multiprocessing.get_context(sys.argv[2])
                        processes = [context.Process(target=work, args=(number,)) for number in range(3)]
                        for process in processes:
                            process.start()
                        for process in processes:
                            process.join()
                            assert process.exitcode == 0
                """
            )
        )
    settings = {**os.environ, "MILEPOST_URL": server.url}
    command = [sys.executable, script, name, method]
    done = subprocess.run(command, env=settings, text=True, capture_output=True, timeout=40, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(marks(client, name)) == [0, 1, 2]
    assert {run["state"] for run in client.snapshot(name)["runs"]} == {"completed"}


def test_loops_that_are_closed_early(server: Server, client: milepost.Client):
    asynchronous = milepost.AsyncClient(server.url)

    async def forgetful() -> None:
        run = asynchronous.run(id="forgotten")
        run.event("x.n", {"n": 0})
        waiting = asyncio.create_task(run.cancelled.wait())

        async def follow() -> None:
            async for _ in asynchronous.follow(run):
                pass

        following = asyncio.create_task(follow())
        await asyncio.sleep(0.05)
        for task in (waiting, following):
            task.cancel()

    asyncio.run(forgetful())
    client.flush()
    client.cancel("forgotten", grace_seconds=0)
    assert marks(client, "forgotten") == [0]


def test_everything_is_reported_from_many_threads_at_speed(client: milepost.Client):
    count, threads = 2_000, 8
    with client.run(id="speed", expected_children=threads) as run:

        def work(name: int) -> None:
            with run.step(str(name), id=f"speed.{name}") as step:
                for number in range(count):
                    step.event("x.n", {"n": number})
                    step.progress(number, count)

        workers = [threading.Thread(target=work, args=(name,)) for name in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert client.flush(40)
    by_run: dict[str, list[int]] = {}
    for event in log_of(client, "speed"):
        if event.type == "x.n":
            by_run.setdefault(event.run, []).append(event.data["n"])
    assert by_run == {f"speed.{name}": list(range(count)) for name in range(threads)}
