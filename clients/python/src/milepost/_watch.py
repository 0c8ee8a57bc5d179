"""What goes on beside the senders: listening for cancellation, and keeping leases."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx

from . import _caps, _http
from ._delivery import cancelled
from ._outbox import Node
from .errors import MilepostError, Refused

if TYPE_CHECKING:
    from ._engine import Engine

_log = logging.getLogger("milepost")

#: What httpx would import with the first request.
_LAZY = ("anyio", "anyio._backends._asyncio", "httpcore._backends.anyio")


class Watch:
    """A thread with an event loop of its own, because most of what it does is waiting for many answers at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._thread: threading.Thread | None = None
        self._bell: Callable[[], object] | None = None
        self._stopping = threading.Event()
        self._beating: set[Node] = set()
        #: How many are asked about: roots, parts.
        self._polls = [0, 0]
        self._tasks: set[asyncio.Task[None]] = set()

    def ensure(self) -> None:
        """Starts the thread if there is none."""
        if self._thread is not None:
            return
        with self._engine.lock:
            if self._thread is None:
                self._stopping = threading.Event()
                arguments = (self._stopping,)
                self._thread = threading.Thread(target=self._run, args=arguments, name="milepost-watch", daemon=True)
                with contextlib.suppress(RuntimeError):  # the interpreter is going down: nobody has to be watched
                    self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        if self._bell is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._bell()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread() and thread.is_alive():
            thread.join(2 * _caps.CONTROL_DELAY)

    def _run(self, stopping: threading.Event) -> None:
        try:
            with self._engine.importing:
                for module in _LAZY:
                    importlib.import_module(module)
            asyncio.run(self._watch(stopping))
        except Exception:
            _log.exception("runs are not watched any more")

    async def _watch(self, stopping: threading.Event) -> None:
        loop, woken = asyncio.get_running_loop(), asyncio.Event()
        self._bell = functools.partial(loop.call_soon_threadsafe, woken.set)
        # None waits for a connection: a heartbeat that waits is none.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=_caps.CONTROL_POLLS)
        async with httpx.AsyncClient(limits=limits, **_http.options(self._engine.url, self._engine.token)) as http:
            while not stopping.is_set():
                for node in self._live():
                    self._look_after(http, node)
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(woken.wait(), _caps.CONTROL_DELAY)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _live(self) -> list[Node]:
        with self._engine.lock:
            boxes = list(self._engine.outboxes.values())
            return [node for box in boxes for node in box.nodes.values() if node.live()]

    def _look_after(self, http: httpx.AsyncClient, node: Node) -> None:
        now = time.monotonic()
        if not node.polled and not node.ended and self._has_room(node, now) and not node.stopped():
            node.polled = True
            self._polls[node.parent is not None] += 1
            self._spawn(self._listen(http, node))
        seconds = node.lease_seconds
        if seconds is not None and now - node.last_word > seconds / 3 and node not in self._beating:
            self._beating.add(node)
            self._spawn(self._beat(http, node, seconds / 3))

    def _has_room(self, node: Node, now: float) -> bool:
        if node.parent is None:
            return self._polls[0] < _caps.CONTROL_POLLS
        return now - node.created > _caps.CONTROL_DELAY and self._polls[1] < _caps.CONTROL_POLLS_OF_PARTS

    def _spawn(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a run is not watched any more", exc_info=error)

    async def _listen(self, http: httpx.AsyncClient, node: Node) -> None:
        """Asks again and again what the server wants of the run. It tells what concerns the run and those above it."""
        address = _http.path(node.outbox.project, "runs", node.id, "control")
        failures = 0
        try:
            while not node.gone and not node.stopped():
                asked = time.monotonic()
                try:
                    await self._ask(http, address, node)
                    failures = 0
                    if time.monotonic() - asked < _caps.CONTROL_PAUSE:
                        # What is known is told again at once, as is that the run is over: no going in circles.
                        await asyncio.sleep(_caps.CONTROL_PAUSE)
                except (httpx.HTTPError, OSError, MilepostError) as error:
                    if isinstance(error, Refused) and not error.transient and error.code != "run_not_found":
                        _log.debug("run %s is not listened for: %s", node.id, error)
                        return  # answers to what is published tell of a cancellation, too
                    failures += 1  # the run may not be there yet, because it is still queued
                    await asyncio.sleep(_http.pause(failures, error))
        finally:
            self._polls[node.parent is not None] -= 1

    async def _ask(self, http: httpx.AsyncClient, address: str, node: Node) -> None:
        timeout = httpx.Timeout(_caps.CALL_TIMEOUT + _caps.CONTROL_WAIT, connect=_caps.CONNECT_TIMEOUT)
        response = await http.get(address, params={"wait": _caps.CONTROL_WAIT}, timeout=timeout)
        if _http.check(response).status_code == 204:
            return
        for command in _http.answer(response).get("commands", []):
            if command.get("command") == "cancel":
                cancelled(self._engine, node.outbox, command, node)

    async def _beat(self, http: httpx.AsyncClient, node: Node, period: float) -> None:
        address = _http.path(node.outbox.project, "runs", node.id, "heartbeat")
        headers = {"Milepost-Lease": node.outbox.lease} if node.outbox.lease else {}
        try:
            answer = _http.answer(await http.post(address, headers=headers, timeout=max(period, 1.0)))
            node.last_word = time.monotonic()
            if answer.get("cancel"):
                cancelled(self._engine, node.outbox, answer["cancel"], node)
        except Refused as error:
            self._refused(node, error)
        except (httpx.HTTPError, OSError, MilepostError) as error:
            _log.debug("run %s: no heartbeat: %s", node.id, error)
            await asyncio.sleep(min(period, 1.0))
        finally:
            self._beating.discard(node)

    def _refused(self, node: Node, error: Refused) -> None:
        if error.code in ("lease_lost", "run_terminal") and not node.ended:
            self._engine.stop(node, error.code, error.detail)
        if error.code == "lease_lost":
            self._engine.fail(node.outbox, error)
        elif error.code == "run_terminal":
            node.leave()
        else:
            node.last_word = time.monotonic()  # it may not even be there yet
