"""Graphs for the tests. Small, deterministic, without a network."""

from __future__ import annotations

import asyncio
import itertools
import operator
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt


class State(TypedDict, total=False):
    xs: Annotated[list[Any], operator.add]
    n: int


def build(
    nodes: Mapping[str, Any], edges: Iterable[tuple[str, str]] = (), *, save: bool = False, **compile_options: Any
) -> Any:
    """A graph of `nodes`; those that no edge leads to are started. `save` gives it a checkpointer."""
    graph = StateGraph(State)
    edges = list(edges)
    for name, action in nodes.items():
        graph.add_node(name, action)
    for start, end in edges:
        graph.add_edge(start, end)
    for name in nodes:
        if all(end != name for _, end in edges):
            graph.add_edge(START, name)
    return graph.compile(checkpointer=InMemorySaver() if save else None, **compile_options)


def chain(*names: str, **options: Any) -> Any:
    """Nodes one after the other, each adding its name."""
    return build({name: adds(name) for name in names}, list(itertools.pairwise(names)), **options)


def adds(value: Any) -> Any:
    async def node(_: State) -> dict[str, Any]:
        return {"xs": [value]}

    return node


def asks(question: str = "ok?") -> Any:
    async def node(_: State) -> dict[str, Any]:
        return {"xs": [interrupt({"question": question})]}

    return node


def fails(times: int | None = None, text: str = "broken") -> Any:
    """Fails that many times, or always."""
    calls = 0

    async def node(_: State) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        if times is None or calls <= times:
            raise ValueError(f"{text} {calls}")
        return {"xs": [calls]}

    return node


def hangs(started: asyncio.Event | None = None) -> Any:
    async def node(_: State) -> dict[str, Any]:
        if started is not None:
            started.set()
        await asyncio.Event().wait()
        return {}

    return node


THREAD: Any = {"configurable": {"thread_id": "t1"}}
