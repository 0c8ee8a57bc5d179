"""What a mapping remembers about one run of a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

from milepost._agents.intents import Failure

CallId = Hashable


@dataclass(slots=True)
class Fanout:
    """The tasks that one list of `Send`s started."""

    key: str
    open: int
    failed: int = 0


@dataclass(slots=True)
class Graph:
    """One run of a graph: the whole, or a sub-graph inside the node `key`."""

    key: str
    step: int = -1
    sends: Counter[str] = field(default_factory=Counter)
    fanouts: dict[str, Fanout] = field(default_factory=dict)
    held: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Node:
    """One execution of a node: all its attempts, over retries and resumes. `held` is a failure that may be retried."""

    key: str
    ns: str
    name: str
    graph: Graph
    fanout: Fanout | None = None
    attempts: int = 1
    waiting: bool = False
    over: bool = False
    held: Failure | None = None
    steps: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Call:
    """A callback run that has begun and not ended. `key` is the run that stands for it, or for what it is part of;
    `graph` the one whose next superstep runs the tasks that it sends; `attempt` says that it is the node itself."""

    key: str
    graph: Graph
    node: Node | None = None
    attempt: bool = False


Calls = dict[CallId, Call]
