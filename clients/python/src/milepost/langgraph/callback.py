"""The callback handler: LangGraph's callbacks into a session. It never raises into the graph and never blocks it."""

# ruff: noqa: ARG002 - the signatures are LangChain's

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Hashable, Iterable, Mapping
from time import time
from typing import Any

from langgraph.callbacks import GraphCallbackHandler, GraphInterruptEvent

from milepost._agents.emit import Emitter
from milepost._agents.values import StateView
from milepost.client import AsyncClient, Client
from milepost.run import Run

from .cancel import ON_SESSION
from .models import answer, model_name, token_text
from .outcome import interrupt_reason, sends_of
from .session import PAUSED, Session, is_resuming
from .steps import custom

_log = logging.getLogger("milepost")


def _quiet(method: Callable[..., None]) -> Callable[..., None]:
    """Whatever goes wrong here is not the graph's concern."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:
            _failed(method.__name__)

    return guarded


def _failed(callback: str) -> None:
    _log.exception("%s failed; the graph goes on, its progress may be incomplete", callback)


class MilepostCallback(GraphCallbackHandler):
    """Reports runs of graphs: ``graph.invoke(input, config={"callbacks": [MilepostCallback()]})``.

    One handler may serve any number of concurrent runs; each call of a graph is a Milepost run of its own, except a
    resume after an interrupt, which goes on with the run that waits.

    :param client: where to report; by default one made from the environment (`MILEPOST_URL`, `MILEPOST_TOKEN`).
    :param run: an open run to report into. Its end is then left to its owner.
    :param run_id: the id for the run; by default LangChain's run id.
    :param kind: the kind of the run.
    :param name: what it is called; by default the graph's name.
    :param metadata: of the run.
    :param expected_nodes: how many nodes will run, where that is known: gives the run a fraction.
    :param state: which part of the updates that nodes return is reported; by default names and sizes.
    :param steps: whether calls of tools and models are runs of kind `step`.
    :param messages: whether what models say is reported.
    """

    run_inline = True  # in the event loop itself: nothing here blocks, and a thread pool would change the order
    raise_error = False

    def __init__(
        self,
        client: Client | AsyncClient | None = None,
        *,
        run: Run | None = None,
        run_id: str | None = None,
        kind: str = "agent",
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expected_nodes: int | None = None,
        state: StateView | None = None,
        steps: bool = True,
        messages: bool = True,
    ) -> None:
        #: Where it reports.
        self.client = client or Client()
        #: The id of its run, where one was given.
        self.run_id = run_id
        self._run = run
        self._kind = kind
        self._name = name
        self._metadata = dict(metadata or {})
        self._expected = expected_nodes
        self._state = state or StateView()
        self._steps = steps
        self._messages = messages
        self._sessions: dict[Hashable, Session] = {}

    # -- chains

    # Start and end of a chain are called for each node of a graph. They only note what happened: see `Session`.

    def on_chain_start(
        self,
        serialized: Any,
        inputs: Any,
        *,
        run_id: Hashable,
        parent_run_id: Hashable | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        try:
            metadata = metadata or {}
            session = self._sessions.get(parent_run_id)
            if session is None:
                self._root_start(run_id, inputs, name, metadata)
                return
            self._sessions[run_id] = session
            if name is not None and name == metadata.get("langgraph_node"):
                session.nodes.add(run_id)
            given = metadata.get
            session.note(
                (
                    time(),
                    session.chain_start,
                    run_id,
                    parent_run_id,
                    name,
                    tuple(tags) if tags else (),
                    given("langgraph_checkpoint_ns"),
                    given("langgraph_step"),
                    given("langgraph_node"),
                    given("langgraph_triggers"),
                )
            )
        except Exception:
            _failed("on_chain_start")

    def on_chain_end(self, outputs: Any, *, run_id: Hashable, **kwargs: Any) -> None:
        try:
            session = self._sessions.pop(run_id, None)
            if session is None:
                return
            if run_id == session.root:
                self._root_over(session, session.mapping.root_end)
                return
            shown = None
            if run_id in session.nodes:
                session.nodes.remove(run_id)
                shown = self._state.of(outputs)  # now: the node may go on changing what it returned
            sends = None if type(outputs) is dict else sends_of(outputs)
            session.note((time(), session.chain_end, run_id, sends, shown))
        except Exception:
            _failed("on_chain_end")

    @_quiet
    def on_chain_error(self, error: BaseException, *, run_id: Hashable, **kwargs: Any) -> None:
        session = self._sessions.pop(run_id, None)
        if session is None:
            return
        outcome = session.understand(error)
        session.nodes.discard(run_id)
        if run_id == session.root:
            self._root_over(session, session.mapping.root_error, outcome)
        else:
            session.add(session.mapping.chain_error, run_id, outcome)

    @_quiet
    def on_interrupt(self, event: GraphInterruptEvent) -> None:
        session = self._sessions.get(event.run_id)
        if session is not None and not event.checkpoint_ns:
            static = event.status in ("interrupt_before", "interrupt_after")
            session.may_wait = True
            session.add(session.mapping.paused, event.status if static else interrupt_reason(event.interrupts))

    def _root_start(self, run_id: Hashable, inputs: Any, name: str | None, metadata: Mapping[str, Any]) -> None:
        thread_id = metadata.get("thread_id")
        thread = None if thread_id is None else str(thread_id)
        session = PAUSED.take(self._owner(), thread, resuming=is_resuming(inputs))
        if session is None:
            session = self._open(str(run_id), name or "LangGraph", thread)
        session.root, session.abandon = run_id, self._abandon
        self._sessions[run_id] = session
        if (prepare := ON_SESSION.get()) is not None:
            prepare(session)
        session.apply(session.mapping.root_start(run_id))

    def _open(self, run_id: str, name: str, thread: str | None) -> Session:
        if self._run is not None:
            emitter = Emitter(self._run, owned=False)
        else:
            known = {"framework": "langgraph", **({"thread_id": thread} if thread else {}), **self._metadata}
            run = self.client.run(self._kind, self.run_id or run_id, self._name or name, known)
            emitter = Emitter(run, owned=True)
        session = Session(emitter, expected_nodes=self._expected, steps=self._steps)
        session.thread_id = thread
        return session

    def _root_over(self, session: Session, read: Callable[..., Any], *about: Any) -> None:
        session.add(session.root_over, read, *about)
        if session.may_wait:  # the answer may come in no time
            session.settle()
            if session.mapping.waiting:
                PAUSED.keep(self._owner(), session)

    def _abandon(self, calls: Iterable[Hashable]) -> None:
        for call in calls:
            self._sessions.pop(call, None)

    def _owner(self) -> Hashable:
        return self.client.url, self.client.project

    # -- tools and models

    def _step_start(
        self, what: str, name: str, call: Hashable, parent: Hashable | None, metadata: Mapping[str, Any]
    ) -> None:
        session = self._sessions.get(parent)
        if session is not None:
            self._sessions[call] = session
            session.add(session.steps.step_start, call, parent, what, name, metadata)

    def _step_error(self, error: BaseException, call: Hashable) -> None:
        session = self._sessions.pop(call, None)
        if session is not None:
            session.add(session.steps.step_error, call, session.understand(error))

    @_quiet
    def on_tool_start(
        self,
        serialized: Any,
        input_str: str,
        *,
        run_id: Hashable,
        parent_run_id: Hashable | None = None,
        **kwargs: Any,
    ) -> None:
        name = kwargs.get("name") or (serialized or {}).get("name") or "tool"
        self._step_start("tool", str(name), run_id, parent_run_id, {})

    @_quiet
    def on_tool_end(self, output: Any, *, run_id: Hashable, **kwargs: Any) -> None:
        session = self._sessions.pop(run_id, None)
        if session is not None:
            session.add(session.steps.step_end, run_id)

    @_quiet
    def on_tool_error(self, error: BaseException, *, run_id: Hashable, **kwargs: Any) -> None:
        self._step_error(error, run_id)

    @_quiet
    def on_chat_model_start(
        self,
        serialized: Any,
        messages: Any,
        *,
        run_id: Hashable,
        parent_run_id: Hashable | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        model = model_name(serialized, metadata or {}, kwargs)
        self._step_start("model", model, run_id, parent_run_id, {"model": model})

    #: A model without chat has the same arguments, prompts in the place of messages.
    on_llm_start = on_chat_model_start

    @_quiet
    def on_llm_new_token(self, token: Any, *, run_id: Hashable, chunk: Any = None, **kwargs: Any) -> None:
        session = self._sessions.get(run_id)
        if session is not None and self._messages:
            session.apply(session.steps.token(run_id, token_text(token, chunk)))

    @_quiet
    def on_llm_end(self, response: Any, *, run_id: Hashable, **kwargs: Any) -> None:
        session = self._sessions.pop(run_id, None)
        if session is None:
            return
        said, usage = answer(response)
        if self._messages:
            session.add(session.steps.told, run_id, said)
        session.add(session.steps.step_end, run_id, {"usage": usage} if usage else None)

    @_quiet
    def on_llm_error(self, error: BaseException, *, run_id: Hashable, **kwargs: Any) -> None:
        session = self._sessions.get(run_id)
        if session is not None and self._messages:
            session.add(session.steps.told, run_id, "")
        self._step_error(error, run_id)

    @_quiet
    def on_custom_event(self, name: str, data: Any, *, run_id: Hashable, **kwargs: Any) -> None:
        session = self._sessions.get(run_id)
        if session is None:
            return
        session.settle()
        call = session.mapping.calls.get(run_id)
        if call is not None:
            session.apply(custom(call.key, name, data))

    def is_busy(self) -> bool:
        """Whether a graph is running that reports here."""
        return bool(self._sessions)
