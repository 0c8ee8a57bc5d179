"""One run of one graph on its way to the server: mapping, merger of tokens, emitter, and the lock over them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Any

from milepost._agents.emit import Emitter
from milepost._agents.intents import ROOT, Cancel, Intent

from .mapping import GraphMapping
from .steps import StepMapping

#: Interrupted runs that a process remembers. Beyond it a resume in the same process begins a run of its own.
_PAUSED_MAX = 1_000


class Session:
    """Nodes of a synchronous graph run in threads of their own, so everything happens under one lock."""

    def __init__(self, emitter: Emitter, *, expected_nodes: int | None, steps: bool) -> None:
        self.lock = threading.RLock()
        self.mapping = GraphMapping(expected_nodes=expected_nodes)
        self.steps = StepMapping(self.mapping.calls, shown=steps)
        self.emitter = emitter
        self.thread_id: str | None = None

    def apply(self, intents: Iterable[Intent]) -> None:
        with self.lock:
            self.emitter.apply(intents)


class Paused:
    """Interrupted runs of this process by thread, so that a resume goes on with the same run. Oldest forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[tuple[Hashable, str], Session] = OrderedDict()

    def keep(self, owner: Hashable, session: Session) -> None:
        if session.thread_id is None:
            return
        with self._lock:
            self._sessions[owner, session.thread_id] = session
            while len(self._sessions) > _PAUSED_MAX:
                self._sessions.popitem(last=False)

    def take(self, owner: Hashable, thread_id: str | None, *, resuming: bool) -> Session | None:
        """The session to go on with. New input on an interrupted thread gives up what waited; so does this."""
        if thread_id is None:
            return None
        with self._lock:
            session = self._sessions.pop((owner, thread_id), None)
        if session is None or resuming:
            return session
        session.apply([Cancel(ROOT, "new input came instead of an answer")])
        return None


#: For all handlers of the process: a handler often lives for one call only.
PAUSED = Paused()


def is_resuming(graph_input: Any) -> bool:
    """Whether the input asks to go on: `Command(resume=…)`, or None after a breakpoint."""
    return graph_input is None or type(graph_input).__name__ == "Command"
