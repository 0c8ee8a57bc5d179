"""Applies intents to the runs of a tree. That only queues, so it blocks nobody and fails for nobody's network.

What a graph of many small nodes is made of, children that begin and end, goes into the queue by the shortest way; whatever
is rare goes through a run handle.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from typing import Any

from milepost import _caps, _encode
from milepost._outbox import Entry, Events, Node
from milepost.run import Run, description

from . import intents as i
from .tokens import TokenMerger

#: Weight of what was not announced. A total that is not known must not look like one that is: one node of one is not all.
_UNCOUNTED = 0


class _Told(Run):
    """A handle for what the emitter itself says: the facts before it are told already, or about to be."""

    def _settle(self) -> None:
        pass


class Emitter:
    """The runs of one tree by the keys of a mapping. `owned` says whether the end of the root is ours to report."""

    def __init__(self, run: Run, *, owned: bool) -> None:
        self.run = run
        self.owned = owned
        #: When what is applied happened.
        self.at = 0.0
        self._outbox, self._engine = run._node.outbox, run._node.outbox.engine
        self._nodes: dict[str, Node] = {i.ROOT: run._node}
        self._counted: set[str] = set()
        self._reports: dict[str, dict[str, Any]] = {}
        self._entries: list[Entry] = []
        self._merger = TokenMerger(self._say)

    def apply(self, intents: Iterable[i.Intent]) -> None:
        """Applies what happened now."""
        self.at = time.time()
        self.add(intents)
        self.report()

    def add(self, intents: Iterable[i.Intent]) -> None:
        """Applies what happened at `at`; `report` sees to it that it is all queued. Of progress the latest will do."""
        for intent in intents:
            node = self._nodes.get(intent.key)
            if isinstance(intent, i.Open):
                self._open(intent)
            elif node is None:
                continue
            elif isinstance(intent, i.Report):
                self._merge(intent)
            else:
                if intent.key in self._reports:
                    self._tell(intent.key)
                self._apply(node, intent)

    def report(self) -> None:
        """Queues what is held."""
        for key in list(self._reports):
            self._tell(key)
        self._hand_over()

    def forked(self) -> None:
        """In the child of a fork: what is held is the parent's to tell."""
        self._entries.clear()
        self._reports.clear()

    def _hand_over(self) -> None:
        """Queues the entries that are held, before anything else is: one lock for all of them."""
        if self._entries:
            entries, self._entries = self._entries, []
            self._engine.push_all(entries)

    def _merge(self, report: i.Report) -> None:
        given = {name: value for name, value in report.fields.items() if value is not None}
        self._reports.setdefault(report.key, {}).update(given)

    def _tell(self, key: str) -> None:
        fields = self._reports.pop(key)
        if (node := self._nodes.get(key)) is not None:
            self._hand_over()
            _Told(node).progress(**fields)

    def run_id(self, key: str) -> str:
        """The run of a key: the same in every process, so that a resume elsewhere finds it."""
        if key == i.ROOT:
            return self.run.id
        digest = hashlib.blake2b(f"{self.run.id}\n{key}".encode(), digest_size=12).hexdigest()
        return f"{self.run.id[:100]}-{digest}"

    def adopt(self, key: str, run: str, *, waiting: bool = False) -> None:
        """A run of the tree that exists already, made by another process."""
        if key != i.ROOT:
            self._nodes[key] = self._engine.node(self._outbox, run, self.run._node, None)
        self._nodes[key].waiting = waiting

    def _open(self, intent: i.Open) -> None:
        parent = self._nodes.get(intent.parent, self.run._node)
        node = self._nodes[intent.key] = self._engine.node(self._outbox, self.run_id(intent.key), parent, None)
        self._queue(node, ("run.created", self._created(intent, parent)), ("run.started", "{}"))
        if intent.announced:
            self._counted.add(intent.key)

    def _created(self, intent: i.Open, parent: Node) -> str:
        place = {"kind": intent.kind, "parent": parent.id}
        weight = None if intent.parent in self._counted else _UNCOUNTED
        if weight is not None and not intent.announced and len(intent.name) <= _caps.LABEL:
            text = _encode.brief({**place, "name": intent.name, "weight": weight, "metadata": intent.metadata})
            if text is not None:
                return text
        about = description(intent.name, weight, intent.metadata or None, intent.announced or None)
        return _encode.write({**place, **about})

    def _apply(self, node: Node, intent: i.Intent) -> None:
        if isinstance(intent, i.State):
            self._queue(node, ("state.updated", _state(intent)))
        elif isinstance(intent, (i.Complete, i.Fail, i.Cancel)):
            self._end(node, intent)
        else:
            self._hand_over()
            self._turn(_Told(node), intent)

    def _turn(self, run: Run, intent: i.Intent) -> None:
        if isinstance(intent, i.Say):
            self._merger.add(intent)
        elif isinstance(intent, i.Note):
            run.event(intent.type, intent.data)
        elif isinstance(intent, i.Wait):
            self._merger.flush(intent.key)
            run.waiting(intent.reason)
        elif isinstance(intent, i.Resume):
            run.resumed()
        elif isinstance(intent, i.Again):
            run.restarted(intent.attempt)

    def _end(self, node: Node, intent: i.Complete | i.Fail | i.Cancel) -> None:
        plain = isinstance(intent, i.Complete) and not node.token.asked
        if not plain or not self._merger.is_empty():
            self._hand_over()
        if intent.key == i.ROOT:
            self._merger.flush()
            if not self.owned:
                return
        else:
            self._merger.flush(intent.key)
            del self._nodes[intent.key]
        run = _Told(node)
        if isinstance(intent, i.Fail):
            run.fail(intent.error.message, code=intent.error.code)
        elif isinstance(intent, i.Cancel):
            run.cancel_acknowledge(intent.reason)
        elif node.token.asked:
            # After the request the server takes nothing but this.
            run.cancel_acknowledge("it had finished before the cancellation took effect")
        else:
            data = "{}" if intent.result is None else _encode.write({"result": _encode.fit(intent.result)})
            self._queue(node, ("run.completed", data))

    def _queue(self, node: Node, *events: tuple[str, str]) -> None:
        """Queues events that are published together."""
        ids = self._engine.ids
        written = [(ids.next(), kind, data) for kind, data in events]
        self._entries.append(Events(node, 0, sum([len(data) for _, data in events]), written, self.at))

    def _say(self, say: i.Say) -> None:
        node = self._nodes.get(say.key)
        if node is not None:
            _Told(node).message(say.content, role=say.role, message=say.message, final=say.final)


def _state(intent: i.State) -> str:
    if len(intent.name) <= _caps.LABEL:
        text = _encode.brief({"key": intent.name, "value": intent.value})
        if text is not None:
            return text
    return _encode.write({"key": _encode.label(intent.name), "value": _encode.fit(intent.value)})
