"""Applies intents to run handles. The handles only queue, so this blocks nobody and fails for nobody's network."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from milepost.run import Run

from . import intents as i
from .tokens import TokenMerger

#: Weight of what was not announced. A total that is not known must not look like one that is: one node of one is not all.
_UNCOUNTED = 0.0


class Emitter:
    """The runs of one tree by the keys of a mapping. `owned` says whether the end of the root is ours to report."""

    def __init__(self, run: Run, *, owned: bool) -> None:
        self.run = run
        self.owned = owned
        self._runs: dict[str, Run] = {i.ROOT: run}
        self._counted: set[str] = set()
        self._merger = TokenMerger(self._say)

    def apply(self, intents: Iterable[i.Intent]) -> None:
        for intent in intents:
            run = self._runs.get(intent.key)
            if isinstance(intent, i.Open):
                self._open(intent)
            elif run is not None:
                self._apply(run, intent)

    def run_id(self, key: str) -> str:
        """The run of a key: the same in every process, so that a resume elsewhere finds it."""
        if key == i.ROOT:
            return self.run.id
        digest = hashlib.blake2b(f"{self.run.id}\n{key}".encode(), digest_size=12).hexdigest()
        return f"{self.run.id[:100]}-{digest}"

    def adopt(self, key: str, run: str, *, waiting: bool = False) -> None:
        """A run of the tree that exists already, made by another process."""
        top = self.run._node
        if key != i.ROOT:
            self._runs[key] = Run(top.outbox.engine.node(top.outbox, run, top, None))
        self._runs[key]._node.waiting = waiting

    def _open(self, intent: i.Open) -> None:
        parent = self._runs.get(intent.parent, self.run)
        self._runs[intent.key] = parent.child(
            intent.kind,
            intent.name,
            id=self.run_id(intent.key),
            weight=None if intent.parent in self._counted else _UNCOUNTED,
            expected_children=intent.announced or None,
            metadata=intent.metadata or None,
        )
        if intent.announced:
            self._counted.add(intent.key)

    def _apply(self, run: Run, intent: i.Intent) -> None:
        if isinstance(intent, i.Say):
            self._merger.add(intent)
        elif isinstance(intent, i.Report):
            run.progress(**intent.fields)
        elif isinstance(intent, i.State):
            run.state(intent.name, intent.value)
        elif isinstance(intent, i.Note):
            run.event(intent.type, intent.data)
        elif isinstance(intent, i.Wait):
            self._merger.flush(intent.key)
            run.waiting(intent.reason)
        elif isinstance(intent, i.Resume):
            run.resumed()
        elif isinstance(intent, i.Again):
            run.restarted(intent.attempt)
        else:
            self._end(run, intent)

    def _end(self, run: Run, intent: i.Intent) -> None:
        if intent.key == i.ROOT:
            self._merger.flush()
            if not self.owned:
                return
        else:
            self._merger.flush(intent.key)
            del self._runs[intent.key]
        if isinstance(intent, i.Complete) and run.cancelled.asked:
            # After the request the server takes nothing but this.
            run.cancel_acknowledge("it had finished before the cancellation took effect")
        elif isinstance(intent, i.Complete):
            run.complete(intent.result)
        elif isinstance(intent, i.Fail):
            run.fail(intent.error.message, code=intent.error.code)
        elif isinstance(intent, i.Cancel):
            run.cancel_acknowledge(intent.reason)

    def _say(self, say: i.Say) -> None:
        run: Any = self._runs.get(say.key)
        if run is not None:
            run.message(say.content, role=say.role, message=say.message, final=say.final)
