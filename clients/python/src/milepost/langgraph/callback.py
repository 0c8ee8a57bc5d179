"""The callback handler: LangGraph's callbacks into a session. It never raises into the graph and never blocks it."""

# ruff: noqa: ARG002 - the signatures are LangChain's

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any

from langgraph.callbacks import GraphCallbackHandler, GraphInterruptEvent

from milepost._agents.emit import Emitter
from milepost._agents.values import StateView
from milepost.client import AsyncClient, Client
from milepost.run import Run

from .cancel import ON_SESSION
from .models import answer, model_name, token_text
from .outcome import interrupt_reason, of_error, sends_of
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
            _log.exception("%s failed; the graph goes on, its progress may be incomplete", method.__name__)

    return guarded


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
        self._lock = threading.Lock()
        self._roots: dict[Hashable, Session] = {}
        self._sessions: dict[Hashable, Session] = {}

    # -- chains

    @_quiet
    def on_chain_start(
        self,
        serialized: Any,
        inputs: Any,
        *,
        run_id: Hashable,
        parent_run_id: Hashable | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        session = self._sessions.get(parent_run_id)
        if session is None:
            self._root_start(run_id, inputs, kwargs.get("name"), metadata or {})
            return
        self._sessions[run_id] = session
        started = session.mapping.chain_start(run_id, parent_run_id, kwargs.get("name"), tags or [], metadata or {})
        session.apply(started)

    @_quiet
    def on_chain_end(self, outputs: Any, *, run_id: Hashable, **kwargs: Any) -> None:
        session = self._sessions.pop(run_id, None)
        if session is None:
            return
        if self._roots.pop(run_id, None) is not None:
            self._root_over(session, session.mapping.root_end())
            return
        call = session.mapping.calls.get(run_id)
        state = self._state.of(outputs) if call is not None and call.attempt else None
        session.apply(session.mapping.chain_end(run_id, sends_of(outputs), state))

    @_quiet
    def on_chain_error(self, error: BaseException, *, run_id: Hashable, **kwargs: Any) -> None:
        session = self._sessions.pop(run_id, None)
        if session is None:
            return
        outcome = of_error(error)
        if self._roots.pop(run_id, None) is not None:
            self._root_over(session, session.mapping.root_error(outcome))
        else:
            session.apply(session.mapping.chain_error(run_id, outcome))

    @_quiet
    def on_interrupt(self, event: GraphInterruptEvent) -> None:
        session = self._sessions.get(event.run_id)
        if session is not None and not event.checkpoint_ns:
            static = event.status in ("interrupt_before", "interrupt_after")
            session.mapping.paused(event.status if static else interrupt_reason(event.interrupts))

    def _root_start(self, run_id: Hashable, inputs: Any, name: str | None, metadata: Mapping[str, Any]) -> None:
        thread_id = metadata.get("thread_id")
        thread = None if thread_id is None else str(thread_id)
        session = PAUSED.take(self._owner(), thread, resuming=is_resuming(inputs))
        if session is None:
            session = self._open(str(run_id), name or "LangGraph", thread)
        with self._lock:
            self._roots[run_id] = self._sessions[run_id] = session
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

    def _root_over(self, session: Session, intents: Any) -> None:
        session.apply(intents)
        for call in list(session.mapping.calls):  # calls whose end never came
            self._sessions.pop(call, None)
        if session.mapping.waiting:
            PAUSED.keep(self._owner(), session)

    def _owner(self) -> Hashable:
        return self.client.url, self.client.project

    # -- tools and models

    def _step_start(
        self, what: str, name: str, call: Hashable, parent: Hashable | None, metadata: Mapping[str, Any]
    ) -> None:
        session = self._sessions.get(parent)
        if session is not None:
            self._sessions[call] = session
            session.apply(session.steps.step_start(call, parent, what, name, metadata))

    def _step_error(self, error: BaseException, call: Hashable) -> None:
        session = self._sessions.pop(call, None)
        if session is not None:
            session.apply(session.steps.step_error(call, of_error(error)))

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
            session.apply(session.steps.step_end(run_id))

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
            session.apply(session.steps.told(run_id, said))
        session.apply(session.steps.step_end(run_id, {"usage": usage} if usage else None))

    @_quiet
    def on_llm_error(self, error: BaseException, *, run_id: Hashable, **kwargs: Any) -> None:
        session = self._sessions.get(run_id)
        if session is not None and self._messages:
            session.apply(session.steps.told(run_id, ""))
        self._step_error(error, run_id)

    @_quiet
    def on_custom_event(self, name: str, data: Any, *, run_id: Hashable, **kwargs: Any) -> None:
        session = self._sessions.get(run_id)
        call = None if session is None else session.mapping.calls.get(run_id)
        if session is not None and call is not None:
            session.apply(custom(call.key, name, data))

    def is_busy(self) -> bool:
        """Whether a graph is running that reports here."""
        return bool(self._sessions)
