"""The callback handler with the real LangGraph and the real server: each row of its mapping, seen in snapshot and log."""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("langgraph.graph", reason="SKIPPED: langgraph is not installed")

from langchain_core.runnables import RunnableLambda
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Command, RetryPolicy, Send

import milepost
from milepost import _caps
from milepost._agents import intents
from milepost._agents.emit import Emitter
from milepost.langgraph import MilepostCallback, StateView
from milepost.langgraph.session import Session
from tests.seen import Seen

from .graphs import THREAD, State, adds, asks, build, chain, fails, hangs


def run(seen: Seen, graph: Any, graph_input: Any, config: Any = None, **options: Any) -> Any:
    """Invokes the graph with a handler of its own; what it raised is returned."""

    async def main() -> Any:
        client = milepost.AsyncClient(seen.url, seen.project)
        callback = MilepostCallback(client, **options)
        try:
            return await graph.ainvoke(graph_input, {**(config or {}), "callbacks": [callback]})
        except Exception as error:
            return error
        finally:
            assert await client.flush()

    return asyncio.run(main())


def test_nodes_are_reported_with_place_and_step(seen: Seen) -> None:
    run(seen, chain("a", "b"), {"xs": []}, run_id="r1")
    root = seen.root("r1")
    assert (root["state"], root["kind"], root["name"]) == ("completed", "agent", "LangGraph")
    assert [root["progress"][each] for each in ("current", "total", "fraction")] == [2, None, 1]
    assert seen.states("r1") == {"node a": "completed", "node b": "completed"}
    b = seen.named("r1", "b")
    assert (b["parent"], b["attempt"]) == ("r1", 1)
    assert [b["metadata"][each] for each in ("path", "step", "triggers")] == [["b"], 2, ["branch:to:b"]]
    assert seen.told("r1", b["id"]) == ["run.created", "run.started", "state.updated", "run.completed"]


def test_zero_configuration(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILEPOST_URL", seen.url)
    monkeypatch.setenv("MILEPOST_PROJECT", seen.project)
    run_id = uuid.uuid4()
    graph = build({"a": lambda _: {"n": 1}})
    assert graph.invoke({}, config={"callbacks": [MilepostCallback()], "run_id": run_id}) == {"xs": [], "n": 1}
    assert milepost.Client().flush()
    assert seen.root(str(run_id))["state"] == "completed"


def test_a_node_without_a_total_does_not_look_like_all_of_it(seen: Seen) -> None:
    result = run(seen, build({"a": adds(1), "b": fails()}, [("a", "b")]), {}, run_id="r1")
    assert isinstance(result, ValueError)
    assert seen.root("r1")["progress"]["fraction"] is None


def test_declared_nodes_give_a_fraction(seen: Seen) -> None:
    run(seen, build({"a": adds(1), "b": fails()}, [("a", "b")]), {}, run_id="r1", expected_nodes=4)
    progress = seen.root("r1")["progress"]
    assert (progress["current"], progress["total"], progress["fraction"]) == (2, 4, 0.5)


def test_a_failure_fails_node_and_run(seen: Seen) -> None:
    run(seen, build({"bad": fails()}), {}, run_id="r1")
    bad, root = seen.named("r1", "bad"), seen.root("r1")
    assert bad["state"] == root["state"] == "failed"
    assert bad["error"]["code"] == root["error"]["code"] == "ValueError"
    assert bad["error"]["message"] == "broken 1"


@pytest.mark.parametrize(("times", "state"), [(2, "completed"), (None, "failed")])
def test_every_attempt_of_a_retried_node(seen: Seen, times: int | None, state: str) -> None:
    graph = StateGraph(State)
    policy = RetryPolicy(initial_interval=0.001, max_attempts=3, retry_on=ValueError)
    graph.add_node("flaky", fails(times), retry_policy=policy)
    graph.add_edge(START, "flaky")
    run(seen, graph.compile(), {}, run_id="r1")
    flaky = seen.named("r1", "flaky")
    assert (flaky["attempt"], flaky["state"]) == (3, state)
    log = [event for event in seen.log("r1") if event["run"] == flaky["id"]]
    failed = [event["data"] for event in log if event["type"] == "x.langgraph.attempt_failed"]
    assert [each["attempt"] for each in failed] == ([1, 2] if times else [1, 2, 3])
    assert failed[0]["error"] == {"code": "ValueError", "message": "broken 1"}
    assert [event["data"]["attempt"] for event in log if event["type"] == "run.started"] == [1, 2, 3]


def test_an_interrupt_waits_and_a_resume_goes_on_with_the_same_run(seen: Seen) -> None:
    graph = build({"ask": asks("Send it?"), "then": adds("sent")}, [("ask", "then")], save=True)
    run(seen, graph, {}, THREAD)
    [root] = seen.runs()
    ask = seen.named(root["id"], "ask")
    assert root["state"] == ask["state"] == "waiting"
    assert root["message"] == ask["message"] == "Send it?"
    assert root["finished_at"] is None  # the graph has returned all the same
    assert run(seen, graph, Command(resume="yes"), THREAD) == {"xs": ["yes", "sent"]}
    [again] = seen.runs()
    assert (again["id"], again["state"]) == (root["id"], "completed")
    ask = seen.named(root["id"], "ask")
    assert (ask["state"], ask["attempt"]) == ("completed", 1)
    assert seen.told(root["id"], ask["id"]) == [
        "run.created",
        "run.started",
        "run.waiting",
        "run.resumed",
        "state.updated",
        "run.completed",
    ]


def test_new_input_instead_of_an_answer_gives_the_waiting_run_up(seen: Seen) -> None:
    graph = build({"ask": asks()}, save=True)
    run(seen, graph, {}, THREAD)
    run(seen, graph, {"n": 2}, THREAD)
    assert sorted(root["state"] for root in seen.runs()) == ["cancelled", "waiting"]


def test_a_static_breakpoint_waits(seen: Seen) -> None:
    graph = chain("a", "b", save=True, interrupt_before=["b"])
    run(seen, graph, {}, THREAD)
    [root] = seen.runs()
    assert (root["state"], root["message"]) == ("waiting", "interrupt_before")
    run(seen, graph, None, THREAD)
    assert seen.states(root["id"]) == {"node a": "completed", "node b": "completed"}
    assert seen.root(root["id"])["state"] == "completed"


def test_a_graph_in_a_chain(seen: Seen) -> None:
    """The run is then the chain's; its graph's nodes and breakpoints are seen all the same."""
    steps = RunnableLambda(lambda given: given) | chain("a", "b", save=True, interrupt_before=["b"])
    run(seen, steps, {}, THREAD)
    [root] = seen.runs()
    assert (root["name"], root["state"]) == ("RunnableSequence", "waiting")
    assert seen.states(root["id"]) == {"node a": "completed"}


def test_tasks_of_the_functional_api_are_nodes(seen: Seen) -> None:
    @task
    async def double(n: int) -> int:
        return 2 * n

    @entrypoint()
    async def work(numbers: list[int]) -> list[int]:
        return list(await asyncio.gather(*(double(n) for n in numbers)))

    assert run(seen, work, [1, 2], run_id="r1") == [2, 4]
    states = seen.states("r1")
    assert states["node double"] == states["node double (2)"] == seen.root("r1")["state"] == "completed"


def test_an_interrupt_of_a_sub_graph_waits_on_every_level(seen: Seen) -> None:
    graph = build({"sub": build({"ask": asks()})}, save=True)
    run(seen, graph, {}, THREAD)
    [root] = seen.runs()
    assert seen.states(root["id"]) == {"node sub": "waiting", "node ask": "waiting"}
    run(seen, graph, Command(resume=1), THREAD)
    assert seen.states(root["id"]) == {"node sub": "completed", "node ask": "completed"}
    assert seen.root(root["id"])["state"] == "completed"


def test_nodes_of_a_sub_graph_are_below_its_node(seen: Seen) -> None:
    run(seen, build({"sub": build({"inner": adds(1)})}), {}, run_id="r1")
    inner, sub = seen.named("r1", "inner"), seen.named("r1", "sub")
    assert inner["parent"] == sub["id"]
    assert inner["metadata"]["path"] == ["sub", "inner"]


def test_a_fan_out_announces_its_tasks_and_tells_them_apart(seen: Seen) -> None:
    async def work(state: State) -> dict[str, Any]:
        return {"xs": [state["n"]]}

    graph = StateGraph(State)
    graph.add_node("plan", adds("plan"))
    graph.add_node("work", work)
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda _: [Send("work", {"n": n}) for n in range(4)], ["work"])
    run(seen, graph.compile(), {}, run_id="r1")
    fanout = seen.named("r1", "work × 4")
    assert (fanout["kind"], fanout["state"], fanout["progress"]["fraction"]) == ("fanout", "completed", 1)
    tasks = [each for each in seen.tree("r1")["runs"] if each["name"] == "work"]
    assert len({task["id"] for task in tasks}) == 4
    assert {task["parent"] for task in tasks} == {fanout["id"]}
    [created] = [event for event in seen.log("r1", "run.created") if event["run"] == fanout["id"]]
    assert created["data"]["expected_children"] == 4


def test_the_fraction_of_a_fan_out_counts_tasks_that_have_not_started(seen: Seen) -> None:
    """One task at a time: after the first end the fraction is a third, not the whole."""
    done = asyncio.Event()

    async def work(state: State) -> dict[str, Any]:
        if state["n"]:
            await done.wait()
        return {}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_conditional_edges(START, lambda _: [Send("work", {"n": n}) for n in range(3)], ["work"])

    async def main() -> None:
        client = milepost.AsyncClient(seen.url, seen.project)
        config: Any = {"callbacks": [MilepostCallback(client, run_id="r1")], "max_concurrency": 1}
        task = asyncio.create_task(graph.compile().ainvoke({}, config))

        async def one_is_done() -> None:
            while not seen.runs() or "completed" not in seen.states("r1").values():
                await client.flush()

        try:
            await asyncio.wait_for(one_is_done(), 20)
            assert seen.named("r1", "work × 3")["progress"]["fraction"] == pytest.approx(1 / 3)
        finally:
            done.set()
            await task
            await client.flush()

    asyncio.run(main())


def test_a_command_to_the_parent_is_no_failure(seen: Seen) -> None:
    async def up(_: State) -> Any:
        return Command(graph=Command.PARENT, goto=[Send("work", {"n": n}) for n in (1, 2)])

    graph = StateGraph(State)
    graph.add_node("sub", build({"up": up}))
    graph.add_node("work", adds(1))
    graph.add_edge(START, "sub")
    run(seen, graph.compile(), {}, run_id="r1")
    assert seen.root("r1")["state"] == "completed"
    assert seen.states("r1") == {
        "node sub": "completed",
        "node up": "completed",
        "fanout work × 2": "completed",
        "node work": "completed",
        "node work (2)": "completed",
    }


def test_one_failing_branch_cancels_its_siblings(seen: Seen) -> None:
    async def main() -> None:
        started = asyncio.Event()

        async def bad(_: State) -> Any:
            await started.wait()
            raise ValueError("bad")

        client = milepost.AsyncClient(seen.url, seen.project)
        graph = build({"bad": bad, "slow": hangs(started), "fast": adds(1)})
        with pytest.raises(ValueError, match="bad"):
            await graph.ainvoke({}, {"callbacks": [MilepostCallback(client, run_id="r1")]})
        await client.flush()

    asyncio.run(main())
    assert seen.states("r1") == {"node bad": "failed", "node fast": "completed", "node slow": "cancelled"}
    assert seen.root("r1")["error"]["message"] == "bad"


def test_a_cancelled_task_cancels_node_and_run(seen: Seen) -> None:
    async def main() -> None:
        started = asyncio.Event()
        client = milepost.AsyncClient(seen.url, seen.project)
        graph = build({"slow": hangs(started)})
        task = asyncio.create_task(graph.ainvoke({}, {"callbacks": [MilepostCallback(client, run_id="r1")]}))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.flush()

    asyncio.run(main())
    assert seen.root("r1")["state"] == "cancelled"
    assert seen.states("r1") == {"node slow": "cancelled"}


def test_concurrent_runs_with_one_handler_do_not_mix(seen: Seen) -> None:
    async def main() -> list[Any]:
        client = milepost.AsyncClient(seen.url, seen.project)
        callback = MilepostCallback(client)
        good, bad = chain("a", "b", "c"), build({"x": fails()})
        runs = [(good if n % 3 else bad).ainvoke({}, {"callbacks": [callback]}) for n in range(30)]
        results = await asyncio.gather(*runs, return_exceptions=True)
        assert await client.flush()
        assert not callback.is_busy()
        return results

    results = asyncio.run(main())
    assert sum(isinstance(result, ValueError) for result in results) == 10
    roots = seen.runs()
    assert sorted(root["state"] for root in roots) == ["completed"] * 20 + ["failed"] * 10
    for root in roots:
        expect = {"node x": "failed"} if root["state"] == "failed" else {f"node {n}": "completed" for n in "abc"}
        assert seen.states(root["id"]) == expect


def test_sync_graphs_in_threads_do_not_mix(seen: Seen) -> None:
    """Nodes of a sync graph run in threads of their own, here in those of ten graphs at once, for one handler."""
    client = milepost.Client(seen.url, seen.project)
    callback = MilepostCallback(client)
    names = [f"n{number}" for number in range(5)]
    graph = build({name: lambda _: {"xs": [1]} for name in names})
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: graph.invoke({}, {"callbacks": [callback]}), range(40)))
    assert client.flush()
    assert not callback.is_busy()
    roots = seen.runs()
    assert [root["state"] for root in roots] == ["completed"] * 40
    for root in roots:
        assert seen.states(root["id"]) == {f"node {name}": "completed" for name in names}


def test_a_run_that_is_given_stays_its_owners(seen: Seen) -> None:
    async def main() -> None:
        client = milepost.AsyncClient(seen.url, seen.project)
        async with client.run(kind="workflow", id="w1") as mine:
            await chain("a").ainvoke({}, {"callbacks": [MilepostCallback(client, run=mine)]})
            await chain("b").ainvoke({}, {"callbacks": [MilepostCallback(client, run=mine)]})
            await client.flush()
            assert seen.root("w1")["state"] == "running"
        await client.flush()

    asyncio.run(main())
    assert seen.root("w1")["state"] == "completed"
    assert seen.states("w1") == {"node a": "completed", "node b": "completed"}


def test_what_is_reported_by_hand_comes_after_the_nodes_before_it(seen: Seen) -> None:
    """Nodes are told in the background, yet the log has the order in which things happened."""

    async def main() -> None:
        client = milepost.AsyncClient(seen.url, seen.project)
        async with client.run(kind="workflow", id="w1") as mine:
            for each in range(5):
                config: Any = {"callbacks": [MilepostCallback(client, run=mine)]}
                await chain("a", "b", "c").ainvoke({}, config)
                mine.event("x.after", {"n": each})
        await client.flush()

    asyncio.run(main())
    told = [e["type"] for e in seen.log("w1") if e["type"] in ("run.created", "run.completed", "x.after")]
    assert told == ["run.created", *[*["run.created", "run.completed"] * 3, "x.after"] * 5, "run.completed"]


def test_many_small_nodes_are_told_in_order_and_counted_seldom(seen: Seen) -> None:
    names = [f"n{number}" for number in range(200)]
    run(seen, chain(*names), {}, {"recursion_limit": 300}, run_id="r1")
    assert seen.states("r1") == {f"node {name}": "completed" for name in names}
    assert seen.root("r1")["progress"]["current"] == 200
    log = seen.log("r1")
    runs = list(dict.fromkeys(e["run"] for e in log if e["run"] != "r1"))
    each = ["run.created", "run.started", "state.updated", "run.completed"]
    told = [(e["run"], e["type"]) for e in log if e["run"] != "r1"]
    assert told == [(node, kind) for node in runs for kind in each]
    assert len([e for e in log if e["type"] == "run.progressed"]) < 100


@pytest.mark.parametrize(("view", "expect"), [("sizes", {"type": "list", "size": 1}), ("values", [1])])
def test_an_update_is_shown_as_it_was_returned(seen: Seen, view: Any, expect: Any) -> None:
    mine = [1]

    def first(_: State) -> Any:
        return {"xs": mine}

    def second(_: State) -> Any:
        mine.extend([2, 3])
        return {}

    run(seen, build({"a": first, "b": second}, [("a", "b")]), {}, run_id="r1", state=StateView(view))
    assert seen.named("r1", "a")["values"]["xs"] == expect


def test_a_report_from_within_the_engine_waits_for_nobody(seen: Seen) -> None:
    """A handler of logs may be called with the lock of the engine, while another thread tells facts and waits for that."""
    client = milepost.Client(seen.url, seen.project)
    with client.run(kind="workflow", id="w1") as mine:
        session = Session(Emitter(mine, owned=False), expected_nodes=None, steps=True)
        session.add(lambda: [intents.State("", "fact", 1)])
        with mine._outbox.lock:
            teller = threading.Thread(target=session.settle)
            teller.start()
            while session.lock.acquire(blocking=False):
                session.lock.release()
            mine.event("x.logged")
        teller.join()
    assert client.flush()
    assert seen.root("w1")["values"] == {"fact": 1}
    assert len(seen.log("w1", "x.logged")) == 1


def test_facts_are_bounded_while_the_server_is_away(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_caps, "FACTS", 20)
    kept: list[int] = []
    note = Session.note

    def noted(self: Session, fact: Any) -> None:
        note(self, fact)
        kept.append(len(self._facts))

    monkeypatch.setattr(Session, "note", noted)
    client = milepost.AsyncClient("http://127.0.0.1:9", seen.project)
    names = [f"n{number}" for number in range(100)]
    config: Any = {"callbacks": [MilepostCallback(client)], "recursion_limit": 300}
    asyncio.run(chain(*names).ainvoke({}, config))
    assert len(kept) >= 200
    assert max(kept) <= 21
    asyncio.run(client.close(timeout=0.01))


class Secret:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("view", "expect"),
    [
        (StateView(), {"n": {"type": "int"}, "xs": {"type": "list", "size": 2}}),
        (StateView("values"), {"n": 7, "xs": ["pw", "<Secret>"]}),
        (StateView("values", keys={"n"}), {"n": 7}),
        (StateView("values", keys=lambda key: key != "n", redact=lambda key, _: f"{key}?"), {"xs": "xs?"}),
        (StateView("values", redact=lambda *_: 1 / 0), {"n": "<not shown>", "xs": "<not shown>"}),
        (StateView("nothing"), {}),
    ],
)
def test_what_is_shown_of_the_state(seen: Seen, view: StateView, expect: Any) -> None:
    run(seen, build({"a": lambda _: {"n": 7, "xs": ["pw", Secret()]}}), {}, run_id="r1", state=view)
    assert seen.named("r1", "a")["values"] == expect


def test_a_huge_update_is_cut(seen: Seen) -> None:
    run(seen, build({"a": lambda _: {"xs": ["x" * 10_000_000]}}), {}, run_id="r1", state=StateView("values"))
    a = seen.named("r1", "a")
    assert a["state"] == "completed"
    assert len(str(a["values"])) < 8_000


def test_nothing_is_raised_into_the_graph(
    seen: Seen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(StateView, "of", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR, "milepost"):
        assert run(seen, chain("a"), {}, run_id="r1") == {"xs": ["a"]}
    assert "the graph goes on" in caplog.text


def test_a_server_that_is_away_does_not_matter(seen: Seen) -> None:
    client = milepost.AsyncClient("http://127.0.0.1:9", seen.project)
    result = asyncio.run(chain("a").ainvoke({}, {"callbacks": [MilepostCallback(client)]}))
    assert result == {"xs": ["a"]}
    assert not asyncio.run(client.close(timeout=0.01))
