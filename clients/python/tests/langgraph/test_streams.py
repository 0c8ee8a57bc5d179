"""`stream` and `astream`: what they yield, what they report beyond the callbacks, and how a cancel request ends a graph."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langgraph.graph", reason="SKIPPED: langgraph is not installed")

from langgraph.config import get_stream_writer
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command

import milepost
from milepost.langgraph import MilepostCallback, astream, stream
from tests.seen import Seen

from .graphs import THREAD, State, adds, asks, build, chain, hangs


def callback(seen: Seen, **options: Any) -> MilepostCallback:
    return MilepostCallback(milepost.AsyncClient(seen.url, seen.project), run_id="r1", **options)


def collected(seen: Seen, graph: Any, graph_input: Any = None, config: Any = None, **options: Any) -> list[Any]:
    async def main() -> list[Any]:
        reporting = callback(seen)
        items = [item async for item in astream(graph, graph_input or {}, config, callback=reporting, **options)]
        assert await reporting.client.flush()  # type: ignore[misc]
        return items

    return asyncio.run(main())


def nested() -> Any:
    async def talks(_: State) -> Any:
        get_stream_writer()({"note": 1})
        return {"xs": ["x"]}

    return build({"sub": build({"inner": talks}), "b": adds("b")}, [("sub", "b")])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stream_mode": "values"},
        {"stream_mode": "custom"},
        {"stream_mode": ["updates", "values"]},
        {"stream_mode": "updates", "version": "v2"},
        {"stream_mode": ["updates", "custom"], "version": "v2"},
    ],
    ids=str,
)
def test_the_items_are_those_of_langgraph(seen: Seen, options: Any) -> None:
    async def plain() -> list[Any]:
        return [item async for item in nested().astream({}, **options)]

    assert collected(seen, nested(), **options) == asyncio.run(plain())
    assert list(stream(nested_sync(), {}, callback=callback(seen), **options)) == list(
        nested_sync().stream({}, **options)
    )


def nested_sync() -> Any:
    def talks(_: State) -> Any:
        get_stream_writer()({"note": 1})
        return {"xs": ["x"]}

    return build({"sub": build({"inner": talks}), "b": lambda _: {"xs": ["b"]}}, [("sub", "b")])


@pytest.mark.parametrize("mode", ["updates", ["updates", "custom"]], ids=str)
def test_sub_graph_items_come_with_their_namespace(seen: Seen, mode: Any) -> None:
    items = collected(seen, nested(), stream_mode=mode, subgraphs=True)
    [inner] = [item for item in items if item[0] and item[-1] == {"inner": {"xs": ["x"]}}]
    assert inner[0][0].startswith("sub:")


def until_read(seen: Seen, nodes: dict[str, list[Any]]) -> None:
    """Nodes that write payloads, and are at work until all of them have been read."""

    async def main() -> None:
        all_read, left = asyncio.Event(), sum(len(payloads) for payloads in nodes.values())

        def writes(payloads: list[Any]) -> Callable[[State], Any]:
            async def node(_: State) -> Any:
                for payload in payloads:
                    get_stream_writer()(payload)
                await all_read.wait()
                return {}

            return node

        reporting = callback(seen)
        graph = build({name: writes(payloads) for name, payloads in nodes.items()})
        async for _ in astream(graph, {}, callback=reporting, stream_mode="custom"):
            left -= 1
            if left == 0:
                all_read.set()
        await reporting.client.flush()  # type: ignore[misc]

    asyncio.run(asyncio.wait_for(main(), 30))


def test_writer_payloads_are_progress_of_the_running_node(seen: Seen) -> None:
    report = {"current": 3, "total": 4, "unit": "pages", "message": "page 3"}
    until_read(seen, {"work": [{"progress": report}, {"found": "something"}]})
    work = seen.named("r1", "work")
    progress = [work["progress"][each] for each in ("current", "total", "unit")]
    assert (progress, work["message"]) == ([3, 4, "pages"], "page 3")
    [note] = [event for event in seen.log("r1") if event["type"] == "x.langgraph.custom"]
    assert (note["run"], note["data"]) == (work["id"], {"found": "something"})


def test_writer_payloads_of_parallel_nodes_need_a_name(seen: Seen) -> None:
    def payload(name: str) -> Any:
        return {"node": name, "progress": {"current": 1, "total": 2}}

    until_read(seen, {"left": [payload("left")], "right": [payload("right"), {"progress": 1, "total": 9}]})
    assert [seen.named("r1", name)["progress"]["total"] for name in ("left", "right")] == [2, 2]
    assert seen.root("r1")["progress"]["total"] is None


def test_a_reader_that_leaves_stops_the_graph(seen: Seen) -> None:
    async def main() -> None:
        reporting = callback(seen)
        items = astream(build({"a": adds(1), "b": hangs()}, [("a", "b")]), {}, callback=reporting)
        async for _ in items:
            break
        await items.aclose()  # type: ignore[attr-defined]
        await reporting.client.flush()  # type: ignore[misc]

    asyncio.run(main())
    assert seen.root("r1")["state"] == "cancelled"


def test_a_failure_is_raised_as_it_is(seen: Seen) -> None:
    async def bad(_: State) -> Any:
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        collected(seen, build({"bad": bad}))
    assert milepost.Client(seen.url, seen.project).flush()
    assert seen.root("r1")["state"] == "failed"


class Cancelling:
    """A graph in `astream`, cancelled through the server once its first node has begun."""

    def __init__(self, seen: Seen, grace: float) -> None:
        self.seen, self.grace = seen, grace
        self.control = RunControl()
        self.begun = asyncio.Event()
        self.drained = asyncio.Event()

    async def run(self, graph: Any) -> Any:
        reporting = callback(self.seen)

        async def consume() -> list[Any]:
            return [item async for item in astream(graph, {}, THREAD, callback=reporting, control=self.control)]

        task = asyncio.create_task(consume())
        await asyncio.wait_for(self.begun.wait(), 20)
        await reporting.client.flush()  # type: ignore[misc]
        await milepost.AsyncClient(self.seen.url, self.seen.project).cancel("r1", "not needed", self.grace)
        try:
            return await task
        except Exception as error:
            return error
        finally:
            assert await reporting.client.flush()  # type: ignore[misc]

    async def until_drained(self, _: State) -> Any:
        """A node that is at work until the request has reached the graph, and then finishes normally."""
        self.begun.set()
        while not self.control.drain_requested:
            await asyncio.sleep(0.005)
        return {"xs": ["done"]}


def test_a_cancel_request_drains_the_graph(seen: Seen) -> None:
    async def main() -> Any:
        play = Cancelling(seen, grace=30)
        graph = build({"a": play.until_drained, "b": adds("b")}, [("a", "b")], save=True)
        result = await play.run(graph)
        return result, await graph.aget_state(THREAD)

    result, state = asyncio.run(main())
    assert isinstance(result, GraphDrained)
    assert result.reason == "not needed"
    assert (state.values["xs"], state.next) == (["done"], ("b",))  # the checkpoint is there: it can go on
    root = seen.root("r1")
    assert (root["state"], root["cancel"]["acknowledged"]) == ("cancelled", True)


def test_a_graph_that_does_not_drain_is_stopped_before_the_deadline(seen: Seen) -> None:
    async def main() -> Any:
        play = Cancelling(seen, grace=4)
        return await play.run(build({"a": hangs(play.begun), "b": adds("b")}, [("a", "b")]))

    result = asyncio.run(main())
    assert isinstance(result, milepost.Cancelled)
    assert result.reason == "not needed"
    root = seen.root("r1")
    assert (root["state"], root["cancel"]["acknowledged"]) == ("cancelled", True)
    assert seen.states("r1") == {"node a": "cancelled"}


def test_a_node_that_does_not_let_go_is_left_behind(seen: Seen) -> None:
    """It swallows the cancellation. The caller gets on, and the run is over, in time."""
    let_go = asyncio.Event()

    async def main() -> Any:
        play = Cancelling(seen, grace=4)

        async def stubborn(_: State) -> Any:
            play.begun.set()
            while not let_go.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await let_go.wait()
            return {}

        try:
            return await play.run(build({"a": stubborn}))
        finally:
            let_go.set()

    assert isinstance(asyncio.run(main()), milepost.Cancelled)
    root = seen.root("r1")
    assert (root["state"], root["cancel"]["acknowledged"]) == ("cancelled", True)


def test_a_request_during_the_last_superstep_comes_too_late_for_the_graph(seen: Seen) -> None:
    """The graph completes and its result is there. The server, once asked, takes nothing but the acknowledgement."""

    async def main() -> Any:
        play = Cancelling(seen, grace=30)
        return await play.run(build({"a": play.until_drained}))

    assert asyncio.run(main()) == [{"a": {"xs": ["done"]}}]
    root = seen.root("r1")
    assert (root["state"], root["cancel"]["acknowledged"]) == ("cancelled", True)
    [last] = [event for event in seen.log("r1", "run.cancelled") if event["run"] == "r1"]
    assert last["data"]["reason"] == "it had finished before the cancellation took effect"


def test_a_drain_of_ones_own_that_comes_too_late_leaves_a_completed_run(seen: Seen) -> None:
    control = RunControl()

    async def last(_: State) -> Any:
        control.request_drain("shutdown")
        return {"xs": [1]}

    assert collected(seen, build({"last": last}), control=control) == [{"last": {"xs": [1]}}]
    assert seen.root("r1")["state"] == "completed"


def test_a_drain_of_ones_own_cancels_the_run_with_its_reason(seen: Seen) -> None:
    control = RunControl()

    async def first(_: State) -> Any:
        control.request_drain("shutdown")
        return {}

    with pytest.raises(GraphDrained):
        collected(seen, build({"first": first, "b": adds(1)}, [("first", "b")]), control=control)
    assert milepost.Client(seen.url, seen.project).flush()
    assert seen.root("r1")["state"] == "cancelled"
    [last] = seen.log("r1", "run.cancelled")
    assert last["data"]["reason"] == "shutdown"


def test_a_sync_graph_is_drained_too(seen: Seen) -> None:
    control, begun = RunControl(), threading.Event()

    def until_drained(_: State) -> Any:
        begun.set()
        while not control.drain_requested:
            threading.Event().wait(0.005)
        return {"xs": ["done"]}

    graph = build({"a": until_drained, "b": lambda _: {}}, [("a", "b")])
    client = milepost.Client(seen.url, seen.project)

    def ask() -> None:
        begun.wait(20)
        client.flush()
        client.cancel("r1", "not needed", 30)

    asking = threading.Thread(target=ask)
    asking.start()
    with pytest.raises(GraphDrained):
        list(stream(graph, {}, callback=MilepostCallback(client, run_id="r1"), control=control))
    asking.join()
    assert client.flush()
    root = seen.root("r1")
    assert (root["state"], root["cancel"]["acknowledged"]) == ("cancelled", True)


def test_a_sync_graph_that_goes_on_is_left_at_the_deadline(seen: Seen) -> None:
    """A node that works on, and writes, for longer than it may."""
    client, begun, enough = milepost.Client(seen.url, seen.project), threading.Event(), threading.Event()

    def busy(_: State) -> Any:
        while not enough.wait(0.01):
            get_stream_writer()("still here")
            begun.set()
        return {}

    def ask() -> None:
        begun.wait(20)
        client.flush()
        client.cancel("r1", "not needed", 1)
        threading.Event().wait(1)
        enough.set()  # a thread cannot be stopped: LangGraph waits for its end

    asking = threading.Thread(target=ask)
    asking.start()
    with pytest.raises(milepost.Cancelled, match="not needed"):
        list(stream(build({"a": busy}), {}, callback=MilepostCallback(client, run_id="r1")))
    asking.join()
    assert client.flush()
    assert seen.root("r1")["state"] == "cancelled"


def _in_process(url: str, project: str, database: str, graph_input: Any) -> None:
    """One half of a human-in-the-loop conversation, in a process that knows nothing of the other."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    async def main() -> None:
        client = milepost.AsyncClient(url, project)
        async with AsyncSqliteSaver.from_conn_string(database) as saver:
            nodes = {"draft": adds("draft"), "sub": build({"ask": asks()}), "then": adds("sent")}
            graph = build(nodes, [("draft", "sub"), ("sub", "then")])
            graph.checkpointer = saver
            reporting = MilepostCallback(client, run_id="r1")
            async for _ in astream(graph, graph_input, THREAD, callback=reporting):
                pass
        assert await client.flush()

    asyncio.run(main())


def test_a_resume_in_another_process_goes_on_with_the_run(seen: Seen, tmp_path: Path) -> None:
    pytest.importorskip("langgraph.checkpoint.sqlite", reason="SKIPPED: langgraph-checkpoint-sqlite is not installed")
    spawn = multiprocessing.get_context("spawn")
    states = []
    inputs: list[Any] = [{}, Command(resume="yes")]
    for graph_input in inputs:
        process = spawn.Process(
            target=_in_process, args=(seen.url, seen.project, str(tmp_path / "threads.db"), graph_input)
        )
        process.start()
        process.join(60)
        assert process.exitcode == 0
        states.append((seen.root("r1")["state"], seen.states("r1")))
    waiting = {"node draft": "completed", "node sub": "waiting", "node ask": "waiting"}
    over = {"node draft": "completed", "node sub": "completed", "node ask": "completed", "node then": "completed"}
    assert states == [("waiting", waiting), ("completed", over)]
    assert len(seen.runs()) == 1
    ask = seen.named("r1", "ask")
    assert ask["attempt"] == 1
    assert seen.told("r1", ask["id"])[2:4] == ["run.waiting", "run.resumed"]
    assert [told for told in seen.told("r1", "r1") if told.startswith("run.")][2:] == [
        "run.waiting",
        "run.resumed",
        "run.completed",
    ]
    assert seen.root("r1")["progress"]["current"] == 4


def test_two_conversations_do_not_meet(seen: Seen) -> None:
    """The same handler, the same graph, two threads of conversation that both wait."""
    graph = build({"ask": asks()}, save=True)

    async def main() -> None:
        client = milepost.AsyncClient(seen.url, seen.project)
        reporting = MilepostCallback(client)
        inputs: list[Any] = [{}, Command(resume="yes")]
        for graph_input in inputs:
            for name in ("t1", "t2"):
                config: Any = {"configurable": {"thread_id": name}}
                async for _ in astream(graph, graph_input, config, callback=reporting):
                    pass
        await client.flush()

    asyncio.run(main())
    found = sorted((root["metadata"]["thread_id"], root["state"]) for root in seen.runs())
    assert found == [("t1", "completed"), ("t2", "completed")]


def test_a_chain_of_conversation_turns_are_runs_of_their_own(seen: Seen) -> None:
    graph = chain("a", save=True)

    async def main() -> None:
        client = milepost.AsyncClient(seen.url, seen.project)
        for _ in range(3):
            async for _ in astream(graph, {"xs": []}, THREAD, callback=MilepostCallback(client)):
                pass
        await client.flush()

    asyncio.run(main())
    assert [root["state"] for root in seen.runs()] == ["completed"] * 3
