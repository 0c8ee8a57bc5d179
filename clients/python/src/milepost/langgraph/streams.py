"""`stream` and `astream`: a graph's own streams, reported, and cancellable from the server.

They yield exactly what ``graph.stream`` and ``graph.astream`` do. Because they own the graph's `RunControl`, a cancel
request reaches the graph: it is asked to stop after the running superstep, whose checkpoint is saved, and shortly before
the deadline of the request it is stopped hard.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.runtime import RunControl

from milepost._agents.intents import Note
from milepost.errors import Cancelled

from .callback import MilepostCallback
from .cancel import ON_SESSION, Cancellation
from .resume import Earlier
from .session import Session
from .shape import Item, Shape
from .steps import custom

#: Seconds that LangGraph may wait for nodes when it is cancelled. It is cancelled again then, which it does not wait after;
#: a node that does not let go is left behind, and the last word is in time.
_PATIENCE = 0.1
#: Seconds for the rest of its cleaning up.
_CLEANUP = 1.0
_END: Any = object()


async def astream(
    graph: Any,
    input: Any,  # noqa: A002 - the name that LangGraph gives it
    config: RunnableConfig | None = None,
    *,
    callback: MilepostCallback | None = None,
    control: RunControl | None = None,
    stream_mode: str | Sequence[str] | None = None,
    subgraphs: bool = False,
    version: str = "v1",
    **options: Any,
) -> AsyncIterator[Any]:
    """Yields what ``graph.astream`` yields.

    :param callback: how to report; by default `MilepostCallback()`.
    :param control: the graph's control, if you want to drain it yourself, too.
    :param subgraphs: also lets payloads of the stream writers of sub-graphs be reported.
    :raises langgraph.errors.GraphDrained: the graph stopped after a superstep, because it was asked to.
    :raises milepost.Cancelled: it did not stop in time and was stopped hard.
    """
    callback = callback or MilepostCallback()
    shape = Shape(graph, stream_mode, subgraphs, version)
    cancellation = Cancellation(control or RunControl())
    report = _Report(cancellation, await asyncio.to_thread(Earlier.fetch, callback, input))
    # At most one item ahead of the reader. The end finds room at any time.
    items: asyncio.Queue[Any] = asyncio.Queue()
    room = asyncio.Semaphore(1)

    async def pump() -> None:
        ON_SESSION.set(report.bind)
        given = _with(config, callback)
        async for raw in graph.astream(input, given, control=cancellation.control, **shape.options, **options):
            await room.acquire()
            items.put_nowait(raw)

    task = asyncio.create_task(pump())
    task.add_done_callback(lambda _: items.put_nowait(_END))
    stopped = asyncio.Event()

    def stop() -> None:
        stopped.set()
        task.cancel()
        asyncio.get_running_loop().call_later(_PATIENCE, items.put_nowait, _END)

    cancellation.stops_with(stop)
    try:
        while (raw := await items.get()) is not _END:
            room.release()
            item = shape.read(raw)
            report.see(item)
            if shape.is_wanted(item):
                yield shape.write(item, raw)
        if stopped.is_set():
            raise Cancelled(cancellation.reason)
        await task
    finally:
        cancellation.release()
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CLEANUP)


def stream(
    graph: Any,
    input: Any,  # noqa: A002 - the name that LangGraph gives it
    config: RunnableConfig | None = None,
    *,
    callback: MilepostCallback | None = None,
    control: RunControl | None = None,
    stream_mode: str | Sequence[str] | None = None,
    subgraphs: bool = False,
    version: str = "v1",
    **options: Any,
) -> Iterator[Any]:
    """Yields what ``graph.stream`` yields. As :func:`astream`, but for the hard stop: a thread cannot be interrupted, so
    it comes with the first item after the deadline."""
    callback = callback or MilepostCallback()
    shape = Shape(graph, stream_mode, subgraphs, version)
    cancellation = Cancellation(control or RunControl())
    report = _Report(cancellation, Earlier.fetch(callback, input))
    given = _with(config, callback)
    before = ON_SESSION.set(report.bind)
    items = graph.stream(input, given, control=cancellation.control, **shape.options, **options)
    try:
        for raw in items:
            item = shape.read(raw)
            report.see(item)
            if shape.is_wanted(item):
                yield shape.write(item, raw)
            if cancellation.is_overdue():
                items.close()
                raise Cancelled(cancellation.reason)
    finally:
        ON_SESSION.reset(before)
        cancellation.release()


class _Report:
    """What a wrapper knows beyond the callbacks: the session as soon as it exists, and the custom payloads."""

    def __init__(self, cancellation: Cancellation, earlier: Earlier | None) -> None:
        self._cancellation = cancellation
        self._earlier = earlier
        self._session: Session | None = None

    def bind(self, session: Session) -> None:
        if self._session is not None:
            return  # a graph that a node calls without its config
        self._session = session
        if self._earlier is not None:
            self._earlier.restore(session)
        self._cancellation.bind(session.emitter.run.cancelled)

    def see(self, item: Item) -> None:
        if item.mode != "custom" or self._session is None:
            return
        named = item.payload.get("node") if isinstance(item.payload, Mapping) else None
        graph = "|".join(item.namespace)
        self._session.settle()
        node = self._session.mapping.running_node(graph, named)
        intents = custom(graph if node is None else node, "langgraph.custom", item.payload)
        # Progress of a node that is over, or of one of several, says nothing about the graph.
        self._session.apply(intent for intent in intents if node is not None or isinstance(intent, Note))


def _with(config: RunnableConfig | None, callback: MilepostCallback) -> RunnableConfig:
    return merge_configs(config, {"callbacks": [callback]})
