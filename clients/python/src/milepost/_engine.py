"""The engine: the background threads that publish what is queued. One for each server and token that a process talks to."""

from __future__ import annotations

import atexit
import contextlib
import heapq
import itertools
import logging
import math
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from . import _caps, _http
from ._delivery import deliver
from ._ids import EventIds
from ._outbox import Entry, Events, Node, Outbox
from ._token import parse_time
from ._watch import Watch

_log = logging.getLogger("milepost")
_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
#: What a forked process must neither use nor close, because its parent still does.
_left_behind: list[object] = []
#: The engines whose locks are held for a fork.
_held: list[Engine] = []


class Engine:
    """Publishes for any number of streams. User code only ever queues; the threads begin with the first entry."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url, self.token = url, token
        self.ids = EventIds()
        self._begin()
        _engines.add(self)

    def _begin(self) -> None:
        self.lock = threading.RLock()  # a handler of signals or of logs may report, too
        self._wake = threading.Condition(self.lock)
        #: Held while a background thread imports: a fork in the middle would leave half a module to the child.
        self.importing = threading.Lock()
        self.outboxes: dict[tuple[str, str, str | None], Outbox] = {}
        self._due: list[tuple[float, int, Outbox]] = []
        self._numbers = itertools.count()
        self._threads = self._idle = 0
        self._waiters: list[tuple[dict[Outbox, int], Callable[[], object]]] = []
        self._said: set[str] = set()
        self._http: httpx.Client | None = None
        self.watch = Watch(self)
        self.closed = False

    # -- what handles call ---------------------------------------------------------------------------------------------

    def outbox(self, project: str, top: str, stream: str | None, lease: str | None = None) -> Outbox:
        """The queue of a stream; the same one for all handles, so that the order of the log is that of the process."""
        with self.lock:
            key = (project, top, lease)
            found = self.outboxes.get(key)
            if found is None or found.fatal is not None:
                found = self.outboxes[key] = Outbox(self, project, top, stream, lease)
            return found

    def node(self, outbox: Outbox, run: str, parent: Node | None, lease_seconds: int | None) -> Node:
        """Makes a run known: it is listened for, and kept alive where it has a lease."""
        with self.lock:
            node = outbox.nodes.get(run)
            if node is None or node.ended:
                node = outbox.nodes[run] = Node(run, outbox, parent, lease_seconds)
            if parent is not None and parent.stopped():
                token = parent.token
                node.token.set(token.code or "cancelled", token.reason, token.deadline)
            return node

    def find(self, project: str, run: str) -> Node | None:
        """A run that this process works on."""
        with self.lock:
            boxes = [box for box in self.outboxes.values() if box.project == project and run in box.nodes]
            return next((box.nodes[run] for box in boxes if box.fatal is None), None)

    def push(self, entry: Entry) -> None:
        """Queues an entry of a run that may still speak."""
        self.push_all((entry,))

    def push_all(self, entries: Iterable[Entry]) -> None:
        """Queues entries of runs that may still speak."""
        with self.lock:
            for entry in entries:
                node = entry.node
                if node.ended or (node.stopped() and not entry.acknowledges):
                    self._drop([entry])
                    continue
                node.ended = entry.ends
                node.outbox.push(entry)
        self.watch.ensure()

    def schedule(self, outbox: Outbox) -> None:
        """Sees to it that what is queued is sent when it is due. With the lock."""
        if outbox.busy:
            return  # looked at again when it is not
        self.closed = False
        when = outbox.due()
        if when < outbox.scheduled:
            outbox.scheduled = when
            heapq.heappush(self._due, (when, next(self._numbers), outbox))
            self._ensure_thread()
            self._wake.notify()

    def when_settled(self, callback: Callable[[], object]) -> Callable[[], object]:
        """Calls back once everything that is queued now is settled. Returns what takes it back."""
        for outbox in list(self.outboxes.values()):
            outbox.settle()
        with self.lock:
            pending = {box: box.last_ticket for box in self.outboxes.values() if box.settled() < box.last_ticket}
            waiter = (pending, callback)
            if pending:
                self._waiters.append(waiter)
                for outbox in pending:
                    outbox.urgent = outbox.last_ticket
                    self.schedule(outbox)
        if not pending:
            callback()
        return lambda: self._waiters.remove(waiter) if waiter in self._waiters else None

    def flush(self, timeout: float | None) -> bool:
        """Blocks until everything queued so far is settled; False when the time ran out."""
        settled = threading.Event()
        withdraw = self.when_settled(settled.set)
        try:
            return settled.wait(timeout)
        finally:
            withdraw()

    def close(self, timeout: float) -> bool:
        """Flushes, and stops the threads unless there still is something to do: runs that are worked on, perhaps by another
        client, and what the server has not taken yet. False when the latter."""
        complete = self.flush(timeout)
        with self.lock:
            if not complete or any(node.live() for box in self.outboxes.values() for node in box.nodes.values()):
                return complete
            self.closed = True
            self._wake.notify_all()
            http, self._http = self._http, None
        self.watch.stop()
        if http is not None:
            http.close()
        return complete

    # -- the threads ---------------------------------------------------------------------------------------------------

    def _ensure_thread(self) -> None:
        if self._idle > 0 or self._threads >= _caps.SENDERS:
            return
        if self._threads == 0:
            _flush_at_exit_of_child(self)
        self._threads += 1
        try:
            threading.Thread(target=self._work, name="milepost-sender", daemon=True).start()
        except RuntimeError as error:  # the interpreter is going down, or the system has no threads left
            self._threads -= 1
            if self._threads == 0:
                self.say_once("threads", "there is no thread to publish with: %s", error)

    def _work(self) -> None:
        try:
            while (outbox := self._next_job()) is not None:
                try:
                    outbox.settle()
                    with self.lock:
                        part = outbox.take(time.monotonic())
                    if part:
                        deliver(self, outbox, part)
                except Exception:
                    _log.exception("a batch could not be sent, and is dropped")
                with self.lock:
                    outbox.busy = False
                    self._notice(outbox)
                    self.schedule(outbox)
        finally:
            with self.lock:
                self._threads -= 1

    def _next_job(self) -> Outbox | None:
        """A stream that has something to send; it is ours until it is not busy any more."""
        with self.lock:
            while True:
                now = time.monotonic()
                while self._due and (self._due[0][2].busy or self._due[0][0] != self._due[0][2].scheduled):
                    heapq.heappop(self._due)  # what was scheduled again, or is being sent
                if self._due and self._due[0][0] <= now:
                    return self._take(heapq.heappop(self._due)[2], now)
                if self.closed:
                    return None
                self._idle += 1
                try:
                    self._wake.wait(self._due[0][0] - now if self._due else None)
                finally:
                    self._idle -= 1

    def _take(self, outbox: Outbox, now: float) -> Outbox:
        outbox.scheduled = outbox.facts_due = math.inf
        outbox.last_call = now
        outbox.busy = True
        if self._due and self._due[0][0] <= now:
            self._ensure_thread()
        return outbox

    @property
    def http(self) -> httpx.Client:
        """The connections of the senders."""
        with self.lock:
            if self._http is None:
                self._http = httpx.Client(**_http.options(self.url, self.token))
            return self._http

    # -- what becomes of entries ---------------------------------------------------------------------------------------

    def _notice(self, outbox: Outbox) -> None:
        """Tells those who flush, and forgets streams that nobody works on. With the lock."""
        for waiter in list(self._waiters):
            pending, callback = waiter
            if outbox in pending and outbox.settled() >= pending[outbox]:
                del pending[outbox]
                if not pending:
                    self._waiters.remove(waiter)
                    callback()
        if not outbox.entries:
            self.take_back("dropped")
        if outbox.ended:
            outbox.forget()
        if not outbox.nodes and outbox.settled() == outbox.last_ticket:
            key = (outbox.project, outbox.top, outbox.lease)
            if self.outboxes.get(key) is outbox:
                del self.outboxes[key]

    def stop(self, node: Node, code: str, reason: str | None, deadline: object = None) -> None:
        """Tells a run, and those below it, to stop, and drops what must not be sent any more."""
        with self.lock:
            outbox = node.outbox
            below = outbox.below(node) or [node]
            tokens = [other.token for other in below if not other.token.is_set()]
            # Queued entries are looked at by their runs, so these have to be marked before.
            gone = {other.id for other in below}
            dropped = outbox.remove(lambda entry: entry.node.id in gone and not entry.acknowledges)
            if code == "cancelled":
                self.acknowledge(dropped)
            self._drop(dropped)
            when = parse_time(deadline) if deadline else None
        for token in tokens:
            token.set(code, reason, when)
        with self.lock:
            self._notice(outbox)

    def acknowledge(self, dropped: list[Entry]) -> None:
        """A run that was over before it heard of its cancellation has nobody left to answer for it. With the lock."""
        for entry in dropped:
            if entry.ends:
                outbox = entry.node.outbox
                # First in line, and under the ticket of what it stands for, so that those who flush wait for it.
                outbox.parts.append([Events(entry.node, events=[(self.ids.next(), "run.cancelled", "{}")])])
                self.schedule(outbox)

    def fail(self, outbox: Outbox, error: Exception) -> None:
        """Nothing more can be sent to a stream: what is queued is dropped, and the lock of nobody is held up."""
        with self.lock:
            outbox.fatal = error
            self._drop(list(itertools.chain(*outbox.parts, outbox.entries)))
            outbox.parts.clear()
            outbox.remove(lambda _: True)
            for node in outbox.nodes.values():
                node.leave()
                node.slot = None

    def _drop(self, entries: list[Entry]) -> None:
        for entry in entries:
            temporary = getattr(entry, "temporary", False)
            if temporary:
                with contextlib.suppress(OSError):
                    os.unlink(entry.source)  # type: ignore[attr-defined]

    def say_once(self, topic: str, text: str, *args: object) -> None:
        """A warning, once until :meth:`take_back`."""
        if topic not in self._said:
            self._said.add(topic)
            _log.warning(text, *args)

    def take_back(self, *topics: str) -> bool:
        """The topics may be warned of again. Whether one had been."""
        said = self._said.intersection(topics)
        self._said -= said
        return bool(said)

    # -- other processes, and the end of this one ----------------------------------------------------------------------

    def after_fork(self) -> None:
        """In the child: queues, threads and connections are the parent's; the runs are known, and may be reported on."""
        _left_behind.append((self._http, self.watch, self._due, self._waiters, self.lock, self._wake))
        outboxes = self.outboxes
        self.ids.renew()
        self._begin()
        self.outboxes = outboxes
        for outbox in outboxes.values():
            outbox.forked(self.lock)

    def at_exit(self, timeout: float | None = None) -> None:
        """What is queued is given a little time."""
        if self._threads and not self.flush(_caps.EXIT_TIMEOUT if timeout is None else timeout):
            self.say_once("unsent", "%s did not take everything in time: the rest of the reports is lost", self.url)


def _flush_at_exit_of_child(engine: Engine) -> None:
    """Children of multiprocessing leave without atexit, but run the finalizers of their own."""
    process: Any = sys.modules.get("multiprocessing.process")
    if process is not None and process.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, engine.at_exit, exitpriority=10)


def _before_fork() -> None:
    _held.extend(_engines)
    for engine in _held:
        engine.importing.acquire()
        engine.lock.acquire()


def _after_fork_in_parent() -> None:
    for engine in _held:
        engine.lock.release()
        engine.importing.release()
    _held.clear()


def _after_fork_in_child() -> None:
    for engine in _held:
        engine.after_fork()
    _held.clear()


@atexit.register
def _at_exit() -> None:
    end = time.monotonic() + _caps.EXIT_TIMEOUT
    for engine in list(_engines):
        engine.at_exit(max(end - time.monotonic(), 0.0))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
