"""What the callbacks of one ADK invocation mean. Pure: facts in, intents out.

Agents are nodes, below the agent that started them; calls of tools and models are steps of their agent. Functions of a
workflow are nodes too; ADK says nothing before they have returned or failed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from milepost._agents.intents import (
    ROOT,
    Again,
    Cancel,
    Complete,
    Fail,
    Failure,
    Intent,
    Note,
    Open,
    Report,
    Resume,
    Say,
    State,
    Wait,
)


@dataclass(slots=True)
class _Agent:
    key: str
    name: str
    steps: set[str] = field(default_factory=set)
    model: str | None = None
    message: str = ""
    said: bool = False
    cancelled: bool = False


@dataclass(slots=True)
class _Function:
    key: str
    attempts: int = 1
    failure: Failure | None = None


class InvocationMapping:
    """One invocation, or several where a later one answers what the first waits for."""

    def __init__(self, *, steps: bool = True, messages: bool = True) -> None:
        self.over = False
        #: The tool calls that wait for an answer from outside, with the steps that stand for them.
        self.waits: dict[str, str] = {}
        self._steps = steps
        self._messages = messages
        self._agents: dict[str, _Agent] = {}
        self._numbers: dict[str, int] = {}
        self._functions: dict[str, _Function] = {}
        self._done = 0

    # -- the invocation

    def resume(self, answered: Sequence[str]) -> Iterator[Intent]:
        """Another invocation brings the answers to these tool calls."""
        yield Resume(ROOT)
        for call in answered:
            if (key := self.waits.pop(call, None)) is not None:
                yield Complete(key)

    def end(self) -> Iterator[Intent]:
        """The invocation is over, or waits for an answer to a long-running tool."""
        yield from self._close_agents(None)
        if self.waits:
            yield Wait(ROOT, "waiting for the result of a long-running tool")
        else:
            self.over = True
            yield Complete(ROOT)

    def error(self, error: BaseException) -> Iterator[Intent]:
        if isinstance(error, (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)):
            yield from self.cancel(str(error) or "the invocation was cancelled")
            return
        yield from self._close_agents(None)
        for function in self._functions.values():
            if function.failure is not None:
                yield Fail(function.key, function.failure)
        self.over = True
        yield Fail(ROOT, Failure.of(error))

    def cancel(self, reason: str) -> Iterator[Intent]:
        yield from self._close_agents(reason)
        self.over = True
        yield Cancel(ROOT, reason)

    # -- agents

    def agent_start(self, name: str, above: Sequence[str], what: str) -> Iterator[Intent]:
        """`above`: the names of the agents over it, nearest first."""
        parent = next((self._agents[each].key for each in above if each in self._agents), ROOT)
        if name in self._agents:  # its end was never reported: it handed over to another agent
            yield from self._agent_over(name, Complete(self._agents[name].key))
        agent = self._agents[name] = _Agent(self._number(f"agent:{name}"), name)
        yield Open(agent.key, parent, "node", name, {"agent": what})

    def agent_end(self, name: str) -> Iterator[Intent]:
        agent = self._agents.get(name)
        if agent is not None:
            end = Cancel(agent.key, "cancelled") if agent.cancelled else Complete(agent.key)
            yield from self._agent_over(name, end)

    def agent_error(self, name: str, error: BaseException) -> Iterator[Intent]:
        agent = self._agents.get(name)
        if agent is not None:
            yield from self._agent_over(name, Fail(agent.key, Failure.of(error)))

    def state(self, name: str, values: Mapping[str, Any]) -> Iterator[Intent]:
        """Values that an agent wrote into the session."""
        agent = self._agents.get(name)
        for key, value in values.items():
            yield State(agent.key if agent is not None else ROOT, key, value)

    def _agent_over(self, name: str, end: Intent) -> Iterator[Intent]:
        agent = self._agents.pop(name)
        yield from self._message_over(agent)
        for key in sorted(agent.steps):
            yield Cancel(key, "the agent ended")
        yield end
        self._done += 1
        yield Report(ROOT, {"current": self._done, "unit": "nodes"})

    def _close_agents(self, reason: str | None) -> Iterator[Intent]:
        """Those whose end was never reported, innermost first: they handed over, or were cut off."""
        for name in reversed(list(self._agents)):
            agent = self._agents[name]
            end = Complete(agent.key) if reason is None and not agent.cancelled else Cancel(agent.key, reason or "")
            yield from self._agent_over(name, end)

    # -- functions of a workflow

    def function_returned(self, path: str, name: str) -> Iterator[Intent]:
        """`path` names the execution. What is known as an agent is reported by its own callbacks."""
        if name in self._agents:
            return
        function = yield from self._function(path, name)
        del self._functions[path]
        yield Complete(function.key)
        self._done += 1
        yield Report(ROOT, {"current": self._done, "unit": "nodes"})

    def function_failed(self, path: str, name: str, failure: Failure) -> Iterator[Intent]:
        """It may be tried again; whether it was is known from its next event, or from the end."""
        if name in self._agents:
            return
        function = yield from self._function(path, name)
        function.failure = failure
        error = {"code": failure.code, "message": failure.message}
        yield Note(function.key, "x.adk.attempt_failed", {"attempt": function.attempts, "error": error})

    def _function(self, path: str, name: str) -> Generator[Intent, None, _Function]:
        function = self._functions.get(path)
        if function is None:
            function = self._functions[path] = _Function(self._number(f"function:{path}"))
            yield Open(function.key, ROOT, "node", name, {"path": path})
        elif function.failure is not None:
            function.attempts, function.failure = function.attempts + 1, None
            yield Again(function.key, function.attempts)
        return function

    # -- steps

    def tool_start(self, name: str, call: str, tool: str) -> Iterator[Intent]:
        agent = self._agents.get(name)
        if self._steps:
            if agent is not None:
                agent.steps.add(f"tool:{call}")
            yield Open(f"tool:{call}", agent.key if agent is not None else ROOT, "step", tool, {"step": "tool"})

    def tool_end(self, name: str, call: str, *, long_running: bool = False) -> Iterator[Intent]:
        """A long-running tool has only begun when it returns. Its step is the run's own, since the agent ends before it."""
        key, agent = f"tool:{call}", self._agents.get(name)
        if agent is not None:
            agent.steps.discard(key)
        if long_running:
            self.waits[call] = f"wait:{call}"
            yield Complete(key)
            yield Open(
                f"wait:{call}", ROOT, "step", "the result of a long-running tool", {"step": "tool", "call": call}
            )
            yield Wait(f"wait:{call}", "the tool works on outside")
        else:
            yield Complete(key)

    def tool_error(self, name: str, call: str, error: BaseException) -> Iterator[Intent]:
        key, agent = f"tool:{call}", self._agents.get(name)
        cancelled = isinstance(error, asyncio.CancelledError)
        if agent is not None:
            agent.steps.discard(key)
            agent.cancelled = agent.cancelled or cancelled
        yield Cancel(key, "cancelled") if cancelled else Fail(key, Failure.of(error))

    def model_start(self, name: str, model: str) -> Iterator[Intent]:
        agent = self._agents.get(name)
        if agent is None:
            return
        yield from self._message_over(agent)
        agent.message = self._number(f"{name}-message")
        if self._steps:
            agent.model = self._number(f"model:{name}")
            agent.steps.add(agent.model)
            yield Open(agent.model, agent.key, "step", model, {"step": "model", "model": model})

    def model_said(self, name: str, text: str, *, partial: bool, usage: Mapping[str, int]) -> Iterator[Intent]:
        """A part of an answer, or the whole of it, which repeats the parts."""
        agent = self._agents.get(name)
        if agent is None:
            return
        if partial:
            if text and self._messages:
                agent.said = True
                yield Say(agent.key, agent.message, "assistant", text)
            return
        if self._messages and (text or agent.said):
            yield Say(agent.key, agent.message, "assistant", "" if agent.said else text, final=True)
        agent.said = False
        yield from self._model_over(agent, usage, None)

    def model_error(self, name: str, error: BaseException) -> Iterator[Intent]:
        agent = self._agents.get(name)
        if agent is not None:
            yield from self._message_over(agent)
            yield from self._model_over(agent, {}, error)

    def _model_over(self, agent: _Agent, usage: Mapping[str, int], error: BaseException | None) -> Iterator[Intent]:
        key, agent.model = agent.model, None
        if key is None:
            return
        agent.steps.discard(key)
        if usage:
            yield State(key, "usage", dict(usage))
        yield Complete(key) if error is None else Fail(key, Failure.of(error))

    def _message_over(self, agent: _Agent) -> Iterator[Intent]:
        if agent.said:
            agent.said = False
            yield Say(agent.key, agent.message, "assistant", "", final=True)

    def _number(self, name: str) -> str:
        self._numbers[name] = self._numbers.get(name, 0) + 1
        return f"{name}#{self._numbers[name]}"
