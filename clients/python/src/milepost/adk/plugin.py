"""The plugin: ADK's callbacks into a mapping, and a cancel request of the server into the invocation."""

# ruff: noqa: ARG002 - the signatures are ADK's

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from google.adk.models.llm_response import LlmResponse
from google.adk.plugins import BasePlugin
from google.genai import types

from milepost._agents.deadline import grace_of
from milepost._agents.emit import Emitter
from milepost._agents.intents import Failure, Intent
from milepost._agents.values import StateView
from milepost.client import AsyncClient, Client
from milepost.run import Run

from .mapping import InvocationMapping

_log = logging.getLogger("milepost")
#: Tool calls that are waited for. Beyond it, the answer to the oldest begins a run of its own.
_WAITING_MAX = 10_000
_Callback = Callable[..., Coroutine[Any, Any, Any]]


def _quiet(method: _Callback) -> _Callback:
    """Whatever goes wrong here is not the agent's concern."""

    @functools.wraps(method)
    async def guarded(self: Any, **given: Any) -> Any:
        try:
            return await method(self, **given)
        except Exception:
            _log.exception("%s failed; the agent goes on, its progress may be incomplete", method.__name__)
            return None

    return guarded


class _Session:
    """One invocation on its way to the server."""

    def __init__(self, run: Run, mapping: InvocationMapping, forget: Callable[[], object]) -> None:
        self.run = run
        self.mapping = mapping
        self.emitter = Emitter(run, owned=True)
        self._forget = forget
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def apply(self, intents: Iterable[Intent]) -> None:
        self.emitter.apply(intents)

    def watch(self) -> None:
        """ADK reports no end of an invocation that is cancelled or abandoned, so its task is asked."""
        self._task = asyncio.current_task()
        if self._task is not None:
            self._task.add_done_callback(self._task_over)
        self._loop = asyncio.get_running_loop()
        self.run.cancelled.add_callback(self._wake)

    def release(self) -> None:
        """The invocation is over: its task may go on with something else."""
        self.run.cancelled.remove_callback(self._wake)
        if self._task is not None:
            self._task.remove_done_callback(self._task_over)
        self._task = None

    def _wake(self) -> None:
        """In a background thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nothing is left to stop
                self._loop.call_soon_threadsafe(self._requested, self._loop)

    def _requested(self, loop: asyncio.AbstractEventLoop) -> None:
        """First in kind: no further agent, model or tool begins. Shortly before the deadline the task is cancelled."""
        if not self.mapping.over:
            loop.call_later(grace_of(self.run.cancelled), self._stop)

    def _stop(self) -> None:
        if self._task is not None and not self.mapping.over:
            self._task.cancel()

    def _task_over(self, task: asyncio.Task[Any]) -> None:
        self._forget()
        if not self.mapping.over:
            error = None if task.cancelled() else task.exception()
            self.apply(
                self.mapping.error(error) if error is not None else self.mapping.cancel("nobody goes on with it")
            )


class MilepostPlugin(BasePlugin):
    """Reports every invocation of a runner as a run; agents are its nodes, calls of tools and models their steps.

    One plugin serves any number of concurrent invocations.

    :param client: where to report; by default one made from the environment.
    :param kind: the kind of the runs.
    :param run_name: what they are called; by default the root agent's name.
    :param metadata: of the runs.
    :param state: which part of the session state that agents write is reported; by default names and sizes.
    :param steps: whether calls of tools and models are runs of kind `step`.
    :param messages: whether what models say is reported.
    """

    def __init__(
        self,
        client: Client | AsyncClient | None = None,
        *,
        kind: str = "agent",
        run_name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        state: StateView | None = None,
        steps: bool = True,
        messages: bool = True,
    ) -> None:
        super().__init__(name="milepost")
        self._client = client or Client()
        self._kind = kind
        self._run_name = run_name
        self._metadata = dict(metadata or {})
        self._state = state or StateView()
        self._options = {"steps": steps, "messages": messages}
        self._sessions: dict[str, _Session] = {}
        #: By the id of the tool call that they wait for.
        self._waiting: dict[str, _Session] = {}

    # -- the invocation

    @_quiet
    async def on_user_message_callback(self, *, invocation_context: Any, user_message: Any) -> None:
        """A message that answers a long-running tool goes on with the run that waits for it."""
        answered = [call for call in _answers(user_message) if call in self._waiting]
        if answered:
            session = self._waiting[answered[0]]
            self._sessions[invocation_context.invocation_id] = session
            for call in answered:
                del self._waiting[call]
            session.apply(session.mapping.resume(answered))

    @_quiet
    async def before_run_callback(self, *, invocation_context: Any) -> None:
        session = self._sessions.get(invocation_context.invocation_id)
        if session is None:
            session = self._sessions[invocation_context.invocation_id] = self._open(invocation_context)
        session.watch()

    @_quiet
    async def after_run_callback(self, *, invocation_context: Any) -> None:
        session = self._sessions.pop(invocation_context.invocation_id, None)
        if session is not None:
            session.release()
            token = session.run.cancelled
            session.apply(session.mapping.cancel(token.reason or "cancelled") if token else session.mapping.end())
            self._waiting.update(dict.fromkeys(session.mapping.waits, session))
            while len(self._waiting) > _WAITING_MAX:
                del self._waiting[next(iter(self._waiting))]

    @_quiet
    async def on_run_error_callback(self, *, invocation_context: Any, error: BaseException) -> None:
        session = self._sessions.pop(invocation_context.invocation_id, None)
        if session is not None:
            session.release()
            session.apply(session.mapping.error(error))

    def _open(self, context: Any) -> _Session:
        # The root of a workflow is no agent.
        name = self._run_name or getattr(context.agent, "name", None) or context.app_name
        about = {"framework": "adk", "session_id": context.session.id, **self._metadata}
        run = self._client.run(self._kind, context.invocation_id, name, about)
        forget = functools.partial(self._sessions.pop, context.invocation_id, None)
        return _Session(run, InvocationMapping(**self._options), forget)

    # -- agents

    @_quiet
    async def before_agent_callback(self, *, agent: Any, callback_context: Any) -> types.Content | None:
        session = self._sessions.get(callback_context.invocation_id)
        if session is None:
            return None
        if session.run.cancelled.is_set():
            callback_context.actions.escalate = True  # a loop would begin the next round, and so for ever
            return types.Content(role="model", parts=[types.Part(text=session.run.cancelled.reason or "cancelled")])
        session.apply(session.mapping.agent_start(agent.name, _above(agent), type(agent).__name__))
        return None

    @_quiet
    async def after_agent_callback(self, *, agent: Any, callback_context: Any) -> None:
        session = self._sessions.get(callback_context.invocation_id)
        if session is not None:
            session.apply(session.mapping.agent_end(agent.name))

    @_quiet
    async def on_agent_error_callback(self, *, agent: Any, callback_context: Any, error: BaseException) -> None:
        session = self._sessions.get(callback_context.invocation_id)
        if session is not None:
            session.apply(session.mapping.agent_error(agent.name, error))

    @_quiet
    async def on_event_callback(self, *, invocation_context: Any, event: Any) -> None:
        session = self._sessions.get(invocation_context.invocation_id)
        if session is None:
            return
        written = event.actions.state_delta if event.actions is not None else None
        if written:
            session.apply(session.mapping.state(event.author, self._state.of(written)))
        path = getattr(getattr(event, "node_info", None), "path", None) or ""
        name = path.rpartition("/")[2].partition("@")[0]
        if "/" in path and event.error_code:
            failure = Failure(event.error_code, event.error_message or event.error_code)
            session.apply(session.mapping.function_failed(path, name, failure))
        elif "/" in path and getattr(event, "output", None) is not None:
            session.apply(session.mapping.function_returned(path, name))

    # -- models and tools

    @_quiet
    async def before_model_callback(self, *, callback_context: Any, llm_request: Any) -> LlmResponse | None:
        session = self._sessions.get(callback_context.invocation_id)
        if session is None:
            return None
        if session.run.cancelled.is_set():
            return LlmResponse(error_code="CANCELLED", error_message=session.run.cancelled.reason or "cancelled")
        session.apply(session.mapping.model_start(callback_context.agent_name, str(llm_request.model or "model")))
        return None

    @_quiet
    async def after_model_callback(self, *, callback_context: Any, llm_response: Any) -> None:
        session = self._sessions.get(callback_context.invocation_id)
        if session is not None:
            text, usage = _text(llm_response.content), _usage(llm_response.usage_metadata)
            said = session.mapping.model_said(
                callback_context.agent_name, text, partial=bool(llm_response.partial), usage=usage
            )
            session.apply(said)

    @_quiet
    async def on_model_error_callback(self, *, callback_context: Any, llm_request: Any, error: BaseException) -> None:
        session = self._sessions.get(callback_context.invocation_id)
        if session is not None:
            session.apply(session.mapping.model_error(callback_context.agent_name, error))

    @_quiet
    async def before_tool_callback(self, *, tool: Any, tool_args: Any, tool_context: Any) -> dict[str, Any] | None:
        session = self._sessions.get(tool_context.invocation_id)
        if session is None:
            return None
        if session.run.cancelled.is_set():
            return {"error": session.run.cancelled.reason or "cancelled"}
        session.apply(session.mapping.tool_start(tool_context.agent_name, tool_context.function_call_id, tool.name))
        return None

    @_quiet
    async def after_tool_callback(self, *, tool: Any, tool_args: Any, tool_context: Any, result: Any) -> None:
        session = self._sessions.get(tool_context.invocation_id)
        if session is not None:
            long_running = bool(getattr(tool, "is_long_running", False))
            call = tool_context.function_call_id
            session.apply(session.mapping.tool_end(tool_context.agent_name, call, long_running=long_running))

    @_quiet
    async def on_tool_error_callback(
        self, *, tool: Any, tool_args: Any, tool_context: Any, error: BaseException
    ) -> None:
        session = self._sessions.get(tool_context.invocation_id)
        if session is not None:
            session.apply(session.mapping.tool_error(tool_context.agent_name, tool_context.function_call_id, error))


def _above(agent: Any) -> list[str]:
    names = []
    while (agent := getattr(agent, "parent_agent", None)) is not None:
        names.append(agent.name)
    return names


def _text(content: Any) -> str:
    """What a person would read: thoughts are the model's own."""
    parts = getattr(content, "parts", None) or []
    return "".join(part.text for part in parts if part.text and not getattr(part, "thought", False))


def _usage(metadata: Any) -> dict[str, int]:
    names = {
        "input_tokens": "prompt_token_count",
        "output_tokens": "candidates_token_count",
        "total_tokens": "total_token_count",
    }
    counts = {name: getattr(metadata, member, None) for name, member in names.items()}
    return {name: count for name, count in counts.items() if count is not None}


def _answers(content: Any) -> list[str]:
    """The ids of the tool calls that a user's message answers."""
    responses = [part.function_response for part in getattr(content, "parts", None) or []]
    return [response.id for response in responses if response is not None and response.id]
