"""What an adapter wants to be reported, as plain values. `key` names a run of the tree; ROOT is the run itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

ROOT = ""


@dataclass(slots=True)
class Open:
    """A child run begins. `announced` children are counted in its progress before they exist."""

    key: str
    parent: str
    kind: str
    name: str
    metadata: dict[str, Any] = field(default_factory=dict)
    announced: int = 0


@dataclass(slots=True)
class Again:
    """Another attempt of a run that is not over."""

    key: str
    attempt: int


@dataclass(slots=True)
class Report:
    """Progress. `fields` holds any of stage, message, current, total, unit."""

    key: str
    fields: dict[str, Any]


@dataclass(slots=True)
class Wait:
    key: str
    reason: str


@dataclass(slots=True)
class Resume:
    key: str


@dataclass(slots=True)
class Complete:
    key: str
    result: Any = None


@dataclass(slots=True)
class Fail:
    key: str
    error: Failure


@dataclass(slots=True)
class Cancel:
    key: str
    reason: str


@dataclass(slots=True)
class Say:
    """Text to append to a message. The last part of a message is `final`."""

    key: str
    message: str
    role: str
    content: str
    final: bool = False


@dataclass(slots=True)
class State:
    """A value of the run that others may see."""

    key: str
    name: str
    value: Any


@dataclass(slots=True)
class Note:
    """An event of a type of one's own, `x.…`."""

    key: str
    type: str
    data: dict[str, Any]


@dataclass(slots=True)
class Failure:
    """An exception as a run reports it: `code` is its class, `message` what it says."""

    code: str
    message: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        try:
            message = str(error)
        except Exception:  # a foreign __str__ may do anything
            message = ""
        return cls(type(error).__name__, message[:4_000] or type(error).__name__)


Intent: TypeAlias = Open | Again | Report | Wait | Resume | Complete | Fail | Cancel | Say | State | Note
