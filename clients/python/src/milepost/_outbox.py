"""The outbox: what one stream has to say to the server, in order. Everything here is called with the lock of the engine."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from . import _caps, _encode
from ._token import CancelToken

if TYPE_CHECKING:
    from ._engine import Engine

#: Takes back a member of a progress report: ``run.progress(total=UNKNOWN)`` makes it indeterminate.
UNKNOWN: Final[Any] = type("Unknown", (), {"__repr__": lambda _: "milepost.UNKNOWN"})()

_ENDS: Final = frozenset({"run.completed", "run.failed", "run.cancelled"})


@dataclass(slots=True, eq=False)
class Node:
    """A run that this process works on."""

    id: str
    outbox: Outbox
    parent: Node | None
    lease_seconds: int | None = None
    token: CancelToken = field(default_factory=CancelToken)
    #: The progress that later progress may still supersede.
    slot: Progress | None = None
    #: An end was queued: nothing more is taken.
    ended: bool = False
    #: See :meth:`leave`.
    gone: bool = False
    #: It was queued, and nobody here works on it.
    queued: bool = False
    waiting: bool = False
    attempt: int = 1
    polled: bool = False
    created: float = field(default_factory=time.monotonic)
    last_word: float = field(default_factory=time.monotonic)

    def live(self) -> bool:
        """Whether this process works on it."""
        return not self.gone and not self.queued

    def leave(self) -> None:
        """Nothing more is to be sent of it, nor heard."""
        self.gone = self.outbox.ended = True

    def stopped(self) -> bool:
        """Whether it, or one above it, is to stop."""
        node: Node | None = self
        while node is not None:
            if node.token.is_set():
                return True
            node = node.parent
        return False


@dataclass(slots=True, eq=False)
class Entry:
    """Events of one run that are published together or not at all."""

    node: Node
    ticket: int = 0
    size: int = 0

    @property
    def acknowledges(self) -> bool:
        """Whether it only says that the run is cancelled."""
        return False

    @property
    def ends(self) -> bool:
        """Whether the run is over with it."""
        return False

    def published(self) -> list[tuple[str, str, str]]:
        """The events ``(id, type, data)``; the same ones every time."""
        return []


@dataclass(slots=True, eq=False)
class Progress(Entry):
    """Progress, open to what supersedes it until it is taken."""

    current: Any = None
    total: Any = None
    unit: Any = None
    stage: Any = None
    message: Any = None
    at: float = 0.0
    #: Given when it is taken.
    event_id: str = ""
    _published: list[tuple[str, str, str]] | None = None

    def merge(self, older: Progress) -> None:
        """Takes over what only the older report says."""
        for member in ("current", "total", "unit", "stage", "message"):
            if getattr(self, member) is None:
                setattr(self, member, getattr(older, member))

    def report(self) -> dict[str, Any]:
        """The report as the protocol has it; what is no number or text is left out."""
        data: dict[str, Any] = {}
        for name in ("current", "total"):
            value = getattr(self, name)
            number = None if value is None or value is UNKNOWN else _encode.amount(value)
            if value is UNKNOWN or number is not None:
                data[name] = number
        for name, limit in (("unit", _caps.LABEL), ("stage", _caps.LABEL), ("message", _caps.SENTENCE)):
            value = getattr(self, name)
            if value is not None:
                data[name] = None if value is UNKNOWN else _encode.label(value, limit)
        return data

    def published(self) -> list[tuple[str, str, str]]:
        if self._published is None:
            self._published = [(self.event_id, "run.progressed", _encode.write(self.report()))]
        return self._published


@dataclass(slots=True, eq=False)
class Events(Entry):
    """Events that nothing supersedes: ``(id, type, data)``."""

    events: list[tuple[str, str, str]] = field(default_factory=list)
    at: float = 0.0

    @property
    def acknowledges(self) -> bool:
        return all(kind == "run.cancelled" for _, kind, _ in self.events)

    @property
    def ends(self) -> bool:
        return not _ENDS.isdisjoint([kind for _, kind, _ in self.events])

    def published(self) -> list[tuple[str, str, str]]:
        return self.events

    @property
    def essential(self) -> bool:
        """Whether it says what becomes of a run."""
        return any(kind.startswith("run.") for _, kind, _ in self.events)


@dataclass(slots=True, eq=False)
class Create(Entry):
    """A run that is created by a call of its own, because it is the top of what this process works on."""

    body: str = ""


@dataclass(slots=True, eq=False)
class Upload(Entry):
    """Bytes of an artifact."""

    artifact: str = ""
    source: bytes | os.PathLike[str] = b""
    query: dict[str, str] = field(default_factory=dict)
    #: Whether the file is ours to delete.
    temporary: bool = False


class Source(Protocol):
    """Somebody who keeps facts of a stream, which cost nothing until they have to be told."""

    def settle(self) -> None:
        """Queues what the facts say. From any thread, without the lock of the engine."""

    def forked(self) -> None:
        """In the child of a fork: the facts are told by the parent."""


class Outbox:
    """The queue of one stream, or of the part of one that this process works on."""

    def __init__(self, engine: Engine, project: str, top: str, stream: str | None, lease: str | None) -> None:
        self.engine, self.lock = engine, engine.lock
        self.project, self.top, self.stream, self.lease = project, top, stream, lease
        self.nodes: dict[str, Node] = {}
        self.entries: deque[Entry] = deque()
        #: What was taken from the queue and has to be sent again, exactly so.
        self.parts: deque[list[Entry]] = deque()
        self.bytes = 0
        self.others = 0
        self.last_ticket = 0
        self.open_slots: dict[str, Node] = {}
        self.busy = False
        self.scheduled = math.inf
        self.not_before = 0.0
        self.last_progress = 0.0
        self.urgent = 0
        self.failures = 0
        #: Replaced when it changes, so that it can be read without the lock.
        self.sources: tuple[Source, ...] = ()
        #: When their facts are to be told.
        self.facts_due = math.inf
        self.last_call = -math.inf
        #: Why nothing can be sent any more.
        self.fatal: Exception | None = None
        #: A run of it is gone, and can be forgotten.
        self.ended = False
        self._compacted = False

    def expect(self, source: Source) -> None:
        """A source has a first fact. Its later ones are told with it: a call for each would cost more than they do."""
        if source not in self.sources:
            self.sources = (*self.sources, source)
        self.facts_due = min(self.facts_due, self.last_call + _caps.FACTS_INTERVAL)
        self.engine.schedule(self)

    def dismiss(self, source: Source) -> None:
        """A source has nothing more to say."""
        self.sources = tuple(each for each in self.sources if each is not source)

    def settle(self) -> None:
        """Queues what the sources know, before something that comes later. Without the lock: a source has one of its own and
        takes this one under it, so a handler of logs or signals that was called in the middle must not wait for it."""
        if self.lock._is_owned():  # type: ignore[attr-defined]
            return
        for source in self.sources:
            source.settle()

    def push(self, entry: Entry) -> None:
        """Queues what nothing supersedes. Nothing that comes later may supersede what stands before it."""
        if self.fatal is not None:
            return
        full = len(self.entries) >= _caps.QUEUE_ENTRIES_HARD or self.bytes >= _caps.QUEUE_BYTES_HARD
        if full and isinstance(entry, (Events, Upload)) and not (isinstance(entry, Events) and entry.essential):
            self.engine.say_once("dropped", "the queue is full: messages, values and artifacts are dropped as well")
            return
        for node in self.open_slots.values():
            node.slot = None
        self.open_slots.clear()
        self.others += 1
        self._add(entry)

    def push_progress(self, node: Node, entry: Progress) -> None:
        """Queues progress that has nothing to supersede."""
        if self.fatal is not None or node.ended or node.stopped():
            return
        if len(self.entries) >= _caps.QUEUE_ENTRIES or self.bytes >= _caps.QUEUE_BYTES:
            self._compact()
            if len(self.entries) >= _caps.QUEUE_ENTRIES or self.bytes >= _caps.QUEUE_BYTES:
                return
        self._add(entry)
        self.open_slots[node.id] = node
        node.slot = entry

    def _add(self, entry: Entry) -> None:
        self.last_ticket += 1
        entry.ticket = self.last_ticket
        self.bytes += entry.size
        self.entries.append(entry)
        self.engine.schedule(self)

    def _compact(self) -> None:
        """Drops progress that the run has superseded; once for each time that the queue is full."""
        if self._compacted:
            return
        self._compacted = True
        self.engine.say_once("dropped", "the queue is full: progress is dropped until the server is back")
        latest: dict[str, Progress] = {}
        for entry in self.entries:
            if isinstance(entry, Progress):
                older = latest.get(entry.node.id)
                if older is not None:
                    entry.merge(older)
                latest[entry.node.id] = entry
        self.remove(lambda entry: isinstance(entry, Progress) and latest[entry.node.id] is not entry)

    def remove(self, which: Any) -> list[Entry]:
        """Takes out entries."""
        removed = [entry for entry in self.entries if which(entry)]
        if removed:
            gone = {entry.ticket for entry in removed}
            self.entries = deque(entry for entry in self.entries if entry.ticket not in gone)
            for entry in removed:
                self.bytes -= entry.size
                self.others -= not isinstance(entry, Progress)
                if entry.node.slot is entry:
                    entry.node.slot = None
        return removed

    def due(self) -> float:
        """When something is to be sent: at once, but for progress alone, which keeps its interval."""
        if self.parts:
            return self.not_before
        if not self.entries:
            return max(self.not_before, self.facts_due)
        if self.others or self.entries[0].ticket <= self.urgent:
            return self.not_before
        return max(self.not_before, min(self.facts_due, self.last_progress + _caps.PROGRESS_INTERVAL))

    def take(self, now: float) -> list[Entry]:
        """What goes into one call; at least one entry when there is one."""
        if self.parts:
            return self.parts.popleft()
        part: list[Entry] = []
        events = size = 0
        while self.entries:
            entry = self.entries[0]
            alone = isinstance(entry, (Create, Upload))
            events += len(entry.events) if isinstance(entry, Events) else 1
            size += entry.size
            if part and (alone or events > _caps.BATCH_EVENTS or size > _caps.BATCH_BYTES):
                break
            self.entries.popleft()
            self.bytes -= entry.size
            self._close(entry, now)
            part.append(entry)
            if alone:
                break
        if len(self.entries) < _caps.QUEUE_ENTRIES // 2:
            self._compacted = False
        return part

    def _close(self, entry: Entry, now: float) -> None:
        """Progress that is taken gets its id and is not superseded any more."""
        if not isinstance(entry, Progress):
            self.others -= 1
            return
        self.last_progress = now
        entry.event_id = self.engine.ids.next()
        if entry.node.slot is entry:
            entry.node.slot = None
            self.open_slots.pop(entry.node.id, None)

    def forget(self) -> None:
        """Leaves out the runs that are gone, and with each those below it: the server has ended them."""
        self.ended = False
        for node in self.nodes.values():  # parents come before their children
            if node.parent is not None and node.parent.gone:
                node.gone = True
        self.nodes = {run: node for run, node in self.nodes.items() if not node.gone}

    def settled(self) -> int:
        """The ticket up to which everything is settled."""
        if self.busy or self.parts:
            return 0
        return self.entries[0].ticket - 1 if self.entries else self.last_ticket

    def below(self, node: Node) -> list[Node]:
        """``node`` and those below it."""
        found = []
        for other in self.nodes.values():
            above: Node | None = other
            while above is not None and above is not node:
                above = above.parent
            if above is node:
                found.append(other)
        return found

    def forked(self, lock: Any) -> None:
        """In the child of a fork: what is queued is sent by the parent; the runs may be reported on by both."""
        self.lock = lock
        for source in self.sources:
            source.forked()
        self.facts_due = math.inf
        self.entries.clear()
        self.parts.clear()
        self.open_slots.clear()
        self.bytes = self.others = 0
        self.busy, self.scheduled = False, math.inf
        for node in self.nodes.values():
            node.slot = None
            node.lease_seconds = None  # the parent keeps it
            node.polled = False
