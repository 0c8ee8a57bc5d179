"""One run of one graph on its way to the server: notes, mapping, emitter, and the lock over them."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from time import time
from typing import Any, TypeAlias

from milepost import _caps
from milepost._agents.emit import Emitter
from milepost._agents.intents import ROOT, Cancel, Intent

from .mapping import GraphMapping
from .outcome import Outcome, of_error
from .steps import StepMapping

_log = logging.getLogger("milepost")

#: When it happened, what makes intents of it, and with which arguments.
Fact: TypeAlias = tuple[Any, ...]

#: Interrupted runs that a process remembers. Beyond it a resume in the same process begins a run of its own.
_PAUSED_MAX = 1_000


#: What a fact has of LangGraph's metadata.
_ABOUT = ("langgraph_checkpoint_ns", "langgraph_step", "langgraph_node", "langgraph_triggers")


class Session:
    """Nodes of a synchronous graph run in threads of their own, so everything happens under one lock.

    What happens often is only noted by the graph's thread: a graph of small nodes would spend more on telling of them than
    on them. A background thread reads the notes.
    """

    def __init__(self, emitter: Emitter, *, expected_nodes: int | None, steps: bool) -> None:
        self.lock = threading.RLock()
        self.mapping = GraphMapping(expected_nodes=expected_nodes)
        self.steps = StepMapping(self.mapping.calls, shown=steps)
        # Bound once: each look at a method makes an object.
        self.chain_start, self.chain_end = self._chain_start, self.mapping.chain_end
        self.emitter = emitter
        self.thread_id: str | None = None
        #: The callback run of the graph itself.
        self.root: Hashable = None
        #: Whether something of it may wait for an answer: then its end has to be understood at once.
        self.may_wait = False
        #: Callback runs that are nodes, as far as that can be told without the mapping.
        self.nodes: set[Hashable] = set()
        #: Called with the callback runs that are open when the root ends.
        self.abandon: Callable[[list[Hashable]], None] = lambda _: None
        self._facts: deque[Fact] = deque()
        self._expected = self._busy = False
        self._outbox = emitter.run._node.outbox

    def understand(self, error: BaseException) -> Outcome:
        """What an exception means. At once: it would keep the frames that it went through, and all they hold."""
        outcome = of_error(error)
        self.may_wait |= outcome.kind == "interrupted"
        return outcome

    def add(self, read: Callable[..., Iterable[Intent]], *about: Any) -> None:
        """Notes what happened just now."""
        self.note((time(), read, *about))

    def note(self, fact: Fact) -> None:
        """Notes a fact. What it holds may not change later, and is best flat: it outlives the youngest generation of the
        garbage collector, which then has all that is in there to walk through."""
        self._facts.append(fact)
        if not self._expected:
            self._expected = True
            with self._outbox.lock:
                self._outbox.expect(self)
        elif len(self._facts) > _caps.FACTS:
            self.settle()

    def apply(self, intents: Iterable[Intent]) -> None:
        """Tells what happened just now, after everything that was noted."""
        with self.lock:
            self.settle()
            self._busy = True
            try:
                self.emitter.apply(intents)
            finally:
                self._busy = False

    def settle(self) -> None:
        """Tells what was noted. In a handler of signals that interrupts just that, it is left to what was interrupted."""
        with self.lock:
            if self._busy or not self._facts:
                return
            self._busy, self._expected = True, False
            try:
                for _ in range(len(self._facts)):  # what comes meanwhile is expected again
                    self._tell(self._facts.popleft())
                self.emitter.report()
            finally:
                self._busy = False

    def _tell(self, fact: Fact) -> None:
        self.emitter.at, read, *about = fact
        try:
            self.emitter.add(read(*about))
        except Exception:
            _log.exception("a report of the graph failed; the graph goes on, its progress may be incomplete")

    def _chain_start(
        self, call: Hashable, parent: Hashable, name: str | None, tags: Sequence[str], *about: Any
    ) -> Iterable[Intent]:
        return self.mapping.chain_start(call, parent, name, tags, dict(zip(_ABOUT, about, strict=True)))

    def root_over(self, read: Callable[..., Iterable[Intent]], *about: Any) -> Iterator[Intent]:
        """Reads a fact that ends the graph."""
        yield from read(*about)
        self.abandon(list(self.mapping.calls))  # calls whose end never came
        self.nodes.clear()
        with self._outbox.lock:
            if not self._facts:
                self._outbox.dismiss(self)

    def forked(self) -> None:
        """In the child of a fork, where nobody else holds the lock any more."""
        self.lock = threading.RLock()
        self._facts.clear()
        self.emitter.forked()
        self._expected = self._busy = False


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
