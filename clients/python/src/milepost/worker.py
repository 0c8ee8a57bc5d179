"""Workers: functions that work on queued runs, one claim after the other.

@worker("resize")
def resize(run: milepost.Run, task: milepost.RunInfo) -> object: ...

resize.work()             # blocks; in async code: await resize.work_async()
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from . import _caps, _http
from .client import AsyncClient, Client
from .errors import MilepostError, Refused
from .run import Run
from .types import Claimed, RunInfo

__all__ = ["Worker", "worker"]

_log = logging.getLogger("milepost")

#: Seconds that one claim waits on the server. A worker that is to stop stops within it.
_CLAIM_WAIT = 10

#: A function that works on a run: sync or async, with the run, or with the run and its description.
Work = Callable[..., Any]


def worker(
    *kinds: str, lease_seconds: int = _caps.LEASE_SECONDS, client: Client | AsyncClient | None = None
) -> Callable[[Work], Worker]:
    """Makes a worker of a function. What it returns is the run's result, what it raises fails the run.

    The function gets the run, and with a second parameter its description too: ``metadata`` has what it was queued with.
    A cancellation sets ``run.cancelled``; an async function is cancelled at the deadline, if it has not stopped by itself.
    """
    return lambda work: Worker(work, kinds, lease_seconds, client)


class Worker:
    """A function, and the loop that claims runs for it. Still callable as what it was."""

    def __init__(
        self, work: Work, kinds: tuple[str, ...], lease_seconds: int, client: Client | AsyncClient | None
    ) -> None:
        if not kinds:
            raise ValueError("a worker works on at least one kind of runs")
        self._work, self._kinds, self._lease_seconds, self._client = work, kinds, lease_seconds, client
        self._described = len(inspect.signature(work).parameters) > 1
        self._stopping = threading.Event()
        self.__doc__, self.__name__ = work.__doc__, getattr(work, "__name__", "worker")

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._work(*args, **options)

    def stop(self) -> None:
        """Ends the loop after the run that is worked on. From any thread."""
        self._stopping.set()

    def work(self, client: Client | None = None, *, limit: int | None = None) -> int:
        """Claims and works, until it is stopped or has worked on ``limit`` runs. Returns how many there were."""
        known = client or self._client
        sync = known if isinstance(known, Client) else Client(*(() if known is None else (known.url, known.project)))
        done, failures = 0, 0
        self._stopping.clear()
        while not self._stopping.is_set() and (limit is None or done < limit):
            try:
                claimed = sync.claim(*self._kinds, lease_seconds=self._lease_seconds, wait=_CLAIM_WAIT)
                failures = 0
            except MilepostError as error:
                self._stopping.wait(self._patience(error, failures))
                failures += 1
                continue
            if claimed is not None:
                self._one(sync, claimed)
                done += 1
        return done

    async def work_async(self, client: AsyncClient | None = None, *, limit: int | None = None, at_once: int = 1) -> int:
        """The same in an event loop, on up to ``at_once`` runs at the same time."""
        known = client or self._client
        if isinstance(known, Client) or known is None:
            known = AsyncClient(*(() if known is None else (known.url, known.project)))
        self._stopping.clear()
        counter = _Counter()
        await asyncio.gather(*(self._claim_on(known, limit, counter) for _ in range(at_once)))
        return counter.done

    async def _claim_on(self, client: AsyncClient, limit: int | None, counter: _Counter) -> None:
        failures = 0
        while not self._stopping.is_set() and (limit is None or counter.claimed < limit):
            counter.claimed += 1
            claimed = None
            try:
                claimed = await client.claim(*self._kinds, lease_seconds=self._lease_seconds, wait=_CLAIM_WAIT)
                failures = 0
            except MilepostError as error:
                await asyncio.sleep(self._patience(error, failures))
                failures += 1
            if claimed is None:
                counter.claimed -= 1
                continue
            await self._one_async(client, claimed)
            counter.done += 1

    def _patience(self, error: MilepostError, failures: int) -> float:
        """A refusal that will not change is not asked for again; everything else is, after a pause."""
        if isinstance(error, Refused) and not error.transient:
            raise error
        _log.warning("no run could be claimed, it is tried again: %s", error)
        return _http.pause(failures, error)

    def _arguments(self, run: Run, info: RunInfo) -> tuple[Any, ...]:
        return (run, info) if self._described else (run,)

    def _handle(self, client: Client | AsyncClient, claimed: Claimed) -> Run:
        run = client.attach(claimed["run"]["id"], lease_seconds=self._lease_seconds, lease=claimed["lease"])
        run.take_up(claimed["stream"], claimed["run"]["attempt"])
        return run

    def _one(self, client: Client, claimed: Claimed) -> None:
        with _reported(self._handle(client, claimed)) as run:
            outcome = self._work(*self._arguments(run, claimed["run"]))
            run.complete(asyncio.run(_awaited(outcome, run)) if inspect.isawaitable(outcome) else outcome)
        client.flush()

    async def _one_async(self, client: AsyncClient, claimed: Claimed) -> None:
        with _reported(self._handle(client, claimed)) as run:
            arguments = self._arguments(run, claimed["run"])
            if inspect.iscoroutinefunction(self._work):
                run.complete(await _awaited(self._work(*arguments), run))
            else:
                run.complete(await asyncio.to_thread(self._work, *arguments))
        await client.flush()


class _Counter:
    claimed = done = 0


@contextlib.contextmanager
def _reported(run: Run) -> Any:
    """What goes wrong with one run is said on it, and does not end the worker."""
    try:
        with run:
            yield run
    except (Exception, asyncio.CancelledError) as error:
        task = _current_task()
        if isinstance(error, asyncio.CancelledError) and not run.cancelled.is_set():
            raise  # it is the worker that is cancelled
        if isinstance(error, asyncio.CancelledError) and task is not None and getattr(task, "cancelling", int)() > 0:
            raise
        _log.info("run %s ended with %s: %s", run.id, type(error).__name__, error)


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


async def _awaited(outcome: Any, run: Run) -> Any:
    """Awaits the work; once the run is to stop and the deadline is near, the work is cancelled."""
    work = asyncio.ensure_future(outcome)
    watch = asyncio.ensure_future(_deadline(run))
    try:
        await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
        return await work
    finally:
        watch.cancel()
        work.cancel()


async def _deadline(run: Run) -> None:
    await run.cancelled.wait()
    if run.cancelled.deadline is not None:
        # A little before it, so that the word of this worker comes first.
        await asyncio.sleep(max(run.cancelled.deadline.timestamp() - time.time() - 1.0, 0.0))
