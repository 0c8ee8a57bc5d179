"""What the callbacks of tools and models mean: steps of the node that they run in, and messages. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from milepost._agents.intents import ROOT, Cancel, Complete, Fail, Intent, Note, Open, Report, Say, State, Wait

from .calls import Call, CallId, Calls
from .outcome import Outcome

_PROGRESS = ("current", "total", "unit", "stage", "message")


class StepMapping:
    """Shares the open calls with a `GraphMapping`. Steps that are not `shown` are known all the same: messages need them."""

    def __init__(self, calls: Calls, *, shown: bool = True) -> None:
        self._calls = calls
        self._shown = shown
        self._told: set[CallId] = set()

    def step_start(
        self, call: CallId, parent: CallId | None, what: str, name: str, metadata: Mapping[str, Any]
    ) -> Iterator[Intent]:
        """`what` is "tool" or "model"."""
        above = self._calls.get(parent)
        if above is None:
            return
        if not self._shown:
            self._calls[call] = Call(above.key, above.graph, above.node)
            return
        key = f"{what}:{call}"
        self._calls[call] = Call(key, above.graph, above.node)
        if above.node is not None:
            above.node.steps.add(key)
        yield Open(key, above.key, "step", name, {"step": what, **metadata})

    def step_end(self, call: CallId, values: Mapping[str, Any] | None = None) -> Iterator[Intent]:
        """`values`: what it used, for example tokens."""
        ended = self._end(call)
        if ended is not None and self._shown:
            for name, value in (values or {}).items():
                yield State(ended.key, name, value)
            yield Complete(ended.key)

    def step_error(self, call: CallId, outcome: Outcome) -> Iterator[Intent]:
        # One that is interrupted waits with its node, which stays responsible for it: resumed, it calls the tool anew.
        ended = self._calls.pop(call, None) if outcome.kind == "interrupted" else self._end(call)
        if ended is None or not self._shown:
            return
        if outcome.kind == "interrupted":
            yield Wait(ended.key, outcome.reason)
        elif outcome.kind == "failed" and outcome.failure is not None:
            yield Fail(ended.key, outcome.failure)
        elif outcome.kind == "handed_up":
            yield Complete(ended.key)
        else:
            yield Cancel(ended.key, outcome.reason)

    def _end(self, call: CallId) -> Call | None:
        ended = self._calls.pop(call, None)
        if ended is not None and ended.node is not None:
            ended.node.steps.discard(ended.key)
        return ended

    # -- messages: they belong to the node, since a model's step is a detail of it

    def token(self, call: CallId, text: str) -> Iterator[Intent]:
        place = self._calls.get(call)
        if place is not None and text:
            self._told.add(call)
            yield Say(_home(place), _message_id(call), "assistant", text)

    def told(self, call: CallId, text: str) -> Iterator[Intent]:
        """A model ended: its message is final. Its whole text is appended if it came in no tokens."""
        place = self._calls.get(call)
        streamed = call in self._told
        self._told.discard(call)
        if place is not None and (streamed or text):
            yield Say(_home(place), _message_id(call), "assistant", "" if streamed else text, final=True)


def custom(key: str, name: str, payload: Any) -> Iterator[Intent]:
    """A payload of the user's: progress where it has a member `progress`, else an event of a type of its own."""
    report = payload.get("progress") if isinstance(payload, Mapping) else None
    if isinstance(report, Mapping):
        fields = {each: report[each] for each in _PROGRESS if each in report}
        if fields:
            yield Report(key, fields)
    elif isinstance(report, (int, float)) and not isinstance(report, bool):
        given = {each: payload[each] for each in _PROGRESS[1:] if each in payload}
        yield Report(key, {"current": report, **given})
    else:
        data = dict(payload) if isinstance(payload, Mapping) else {"value": payload}
        yield Note(key, f"x.{_type_of(name)}", data)


def _home(place: Call) -> str:
    return place.node.key if place.node is not None else ROOT


def _message_id(call: CallId) -> str:
    """The id that LangChain gives to the message of the model's run."""
    return f"lc_run--{call}"


def _type_of(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in name).strip("._-")
    return kept[:120] or "custom"
