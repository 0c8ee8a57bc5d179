"""What a progress report costs the code that makes it, with a real server at the other end.

    MILEPOST_BINARY=path/to/milepost python benchmarks/producer.py

Prints the reports accepted per second and the microseconds of one call; exits 1 where a target is missed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import milepost

CALLS = 200_000
TARGET_PER_SECOND = 20_000
TARGET_MEDIAN_US = 5.0


def throughput(run: milepost.Run, threads: int) -> float:
    """Calls a second of that many threads together."""

    def work() -> None:
        for number in range(CALLS // threads):
            run.progress(number, CALLS, stage="Working", message=f"item {number}")

    workers = [threading.Thread(target=work) for _ in range(threads)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return CALLS / (time.perf_counter() - began)


def latencies(run: milepost.Run) -> list[float]:
    """Microseconds of each call, sorted."""
    spent = []
    for number in range(CALLS):
        began = time.perf_counter_ns()
        run.progress(number, CALLS)
        spent.append(time.perf_counter_ns() - began)
    return sorted(nanoseconds / 1_000 for nanoseconds in spent)


def lifecycle(run: milepost.Run) -> float:
    """Microseconds of a whole step: created, started, reported, completed."""
    count = 2_000
    began = time.perf_counter()
    for number in range(count):
        with run.step("step") as step:
            step.progress(number, count)
    return (time.perf_counter() - began) / count * 1e6


def measure(url: str) -> bool:
    client = milepost.Client(url)
    with client.run("bench") as run:
        run.progress(0, CALLS)
        client.flush()
        alone, together = throughput(run, 1), throughput(run, 4)
        spent = latencies(run)
        step = lifecycle(run)
        client.flush(60)
        run.progress(CALLS, CALLS)
    client.flush(60)
    shown = client.snapshot(run.id)
    assert shown["progress"]["current"] == CALLS, "what was reported last is what is shown"
    assert {found["state"] for found in shown["runs"]} == {"completed"}
    client.close()
    median, p99 = spent[CALLS // 2], spent[CALLS * 99 // 100]
    print(f"progress calls/s, one thread     {alone:12,.0f}   target >= {TARGET_PER_SECOND:,}")
    print(f"progress calls/s, four threads   {together:12,.0f}   target >= {TARGET_PER_SECOND:,}")
    print(f"progress call, median µs         {median:12.2f}   target < {TARGET_MEDIAN_US}")
    print(f"progress call, p99 µs            {p99:12.2f}")
    print(f"a whole step, mean µs            {step:12.2f}")
    return min(alone, together) >= TARGET_PER_SECOND and median < TARGET_MEDIAN_US


def main() -> int:
    root = Path(__file__).parents[3]
    binary = os.environ.get("MILEPOST_BINARY") or str(root / "target" / "debug" / "milepost")
    settings = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
    with tempfile.TemporaryDirectory() as data:
        command = [binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", data]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=settings
        ) as server:
            assert server.stdout is not None
            lines = (re.search(r"listening on (http://\S+)", line) for line in server.stdout)
            url = next(found[1] for found in lines if found)
            try:
                return 0 if measure(url) else 1
            finally:
                server.terminate()


if __name__ == "__main__":
    sys.exit(main())
