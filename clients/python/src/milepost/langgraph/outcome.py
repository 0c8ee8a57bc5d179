"""How a node ended, read from the exception. LangGraph signals control flow by exceptions; most of them are no failures."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from milepost._agents.intents import Failure

Kind = Literal["failed", "cancelled", "interrupted", "handed_up", "drained"]


@dataclass(slots=True)
class Outcome:
    """`reason` says why it waits or was cancelled; `sends` are the tasks that the ended node started, by node name."""

    kind: Kind
    reason: str = ""
    failure: Failure | None = None
    sends: Mapping[str, int] = field(default_factory=dict)


def of_error(error: BaseException) -> Outcome:
    """The classes are told by name along the MRO, so that a mapping can be tested, and read, without LangGraph."""
    names = {cls.__name__ for cls in type(error).__mro__}
    if "GraphInterrupt" in names:
        return Outcome("interrupted", reason=interrupt_reason(_interrupts(error)))
    if "ParentCommand" in names:
        return Outcome("handed_up", sends=sends_of(error.args[0] if error.args else None))
    if "GraphDrained" in names:
        return Outcome("drained", reason=str(getattr(error, "reason", "")) or "drained")
    # A BaseException since Python 3.8: `except Exception` would miss it.
    if isinstance(error, (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit)):
        return Outcome("cancelled", reason=str(error) or "cancelled")
    return Outcome("failed", failure=Failure.of(error))


def interrupt_reason(interrupts: Iterable[Any]) -> str:
    """One sentence for a person, made of the values that the interrupts ask with."""
    texts = [_sentence(getattr(each, "value", each)) for each in interrupts]
    return ("; ".join(text for text in texts if text) or "interrupted")[:4_000]


def sends_of(output: Any) -> Counter[str]:
    """The `Send`s in what a node or a conditional edge returned, counted by the node they go to."""
    counted: Counter[str] = Counter()
    for each in output if isinstance(output, (list, tuple)) else (output,):
        name = type(each).__name__
        if name == "Send":
            counted[str(each.node)] += 1
        elif name == "Command":
            counted += sends_of(each.goto)
    return counted


def _interrupts(error: BaseException) -> list[Any]:
    first = error.args[0] if error.args else ()
    return list(first) if isinstance(first, (list, tuple)) else [first]


def _sentence(value: Any) -> str:
    if isinstance(value, Mapping):
        for key in ("question", "message", "reason", "prompt", "q"):
            if isinstance(value.get(key), str):
                return str(value[key])
    try:
        return value if isinstance(value, str) else repr(value)
    except Exception:  # a foreign __repr__ may do anything
        return ""
