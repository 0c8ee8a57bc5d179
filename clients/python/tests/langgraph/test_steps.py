"""Tools, models, messages and custom payloads, with LangChain's own fake models."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

pytest.importorskip("langgraph.graph", reason="SKIPPED: langgraph is not installed")

from langchain_core.callbacks import adispatch_custom_event
from langchain_core.language_models.fake_chat_models import FakeListChatModel, FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

import milepost
from milepost._agents.intents import Say
from milepost._agents.tokens import TokenMerger
from milepost.langgraph import MilepostCallback
from tests.seen import Seen

from .graphs import THREAD, build


@tool
async def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


@tool
async def explode() -> int:
    """Fails."""
    raise RuntimeError("no fuse")


@tool
async def approve() -> str:
    """Asks a person."""
    return str(interrupt("Approve?"))


def agent(*answers: AIMessage, errors: Any = True) -> Any:
    """A model and its tools, in a loop until the model wants no more of them."""
    model = FakeMessagesListChatModel(responses=list(answers))

    async def think(state: MessagesState) -> Any:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_node("tools", ToolNode([add, explode, approve], handle_tool_errors=errors))
    graph.add_edge(START, "think")
    graph.add_conditional_edges("think", lambda s: "tools" if s["messages"][-1].tool_calls else "__end__")
    graph.add_edge("tools", "think")
    return graph


def call(name: str, **arguments: Any) -> AIMessage:
    return AIMessage(content="", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}"}])


def run(seen: Seen, graph: Any, graph_input: Any = None, **options: Any) -> Any:
    async def main() -> Any:
        client = milepost.AsyncClient(seen.url, seen.project)
        callback = MilepostCallback(client, run_id="r1", **options)
        try:
            given = graph_input or {"messages": [HumanMessage("hi")]}
            return await graph.ainvoke(given, {**THREAD, "callbacks": [callback]})
        except Exception as error:
            return error
        finally:
            assert await client.flush()

    return asyncio.run(main())


def test_tools_and_models_are_steps_of_their_node(seen: Seen) -> None:
    usage: Any = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    run(seen, agent(call("add", a=1, b=2), AIMessage("It is 3.", usage_metadata=usage)).compile())
    tree = seen.tree("r1")
    names = {each["id"]: each["name"] for each in tree["runs"]}
    steps = [(each["name"], names[each["parent"]], each["state"]) for each in tree["runs"] if each["kind"] == "step"]
    model = "FakeMessagesListChatModel"
    assert steps == [(model, "think", "completed"), ("add", "tools", "completed"), (model, "think", "completed")]
    [used] = [each["values"] for each in tree["runs"] if each["values"].get("usage")]
    assert used == {"usage": usage}
    about = [each["metadata"]["step"] for each in tree["runs"] if each["kind"] == "step"]
    assert about == ["model", "tool", "model"]


def test_an_answer_that_is_not_streamed_is_one_final_message(seen: Seen) -> None:
    run(seen, agent(AIMessage("It is 3.")).compile())
    [message] = seen.tree("r1")["messages"]
    assert (message["role"], message["content"], message["final"]) == ("assistant", "It is 3.", True)
    assert message["run"] == seen.named("r1", "think")["id"]
    assert message["message"].startswith("lc_run--")


def test_steps_and_messages_can_be_left_out(seen: Seen) -> None:
    run(seen, agent(call("add", a=1, b=2), AIMessage("3")).compile(), steps=False, messages=False)
    assert seen.states("r1") == {"node think": "completed", "node tools": "completed", "node think (2)": "completed"}
    assert seen.tree("r1")["messages"] == []


def test_messages_without_steps(seen: Seen) -> None:
    run(seen, agent(AIMessage("It is 3.")).compile(), steps=False)
    [message] = seen.tree("r1")["messages"]
    assert (message["content"], message["run"]) == ("It is 3.", seen.named("r1", "think")["id"])


def test_a_failing_tool_is_a_failed_step(seen: Seen) -> None:
    run(seen, agent(call("explode"), errors=False).compile())
    explode_run = seen.named("r1", "explode")
    assert (explode_run["state"], explode_run["error"]["message"]) == ("failed", "no fuse")
    assert seen.named("r1", "tools")["state"] == seen.root("r1")["state"] == "failed"


def test_a_tool_that_asks_waits_with_its_node(seen: Seen) -> None:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.types import Command

    graph = agent(call("approve"), AIMessage("done")).compile(checkpointer=InMemorySaver())
    run(seen, graph)
    assert seen.states("r1") == {
        "node think": "completed",
        "step FakeMessagesListChatModel": "completed",
        "node tools": "waiting",
        "step approve": "waiting",
    }
    run(seen, graph, Command(resume="yes"))
    states = seen.states("r1")
    assert (states["step approve"], states["step approve (2)"]) == ("cancelled", "completed")
    assert states["node tools"] == seen.root("r1")["state"] == "completed"


def test_tokens_are_merged_into_few_parts_and_the_last_is_final(seen: Seen) -> None:
    text = "".join(f"word {number} " for number in range(400))
    model = FakeListChatModel(responses=[text])

    async def think(state: MessagesState) -> Any:
        whole = ""
        async for chunk in model.astream(state["messages"]):  # one chunk for each character
            whole += str(chunk.content)
        return {"messages": [AIMessage(whole)]}

    graph = StateGraph(MessagesState)
    graph.add_node("think", think)
    graph.add_edge(START, "think")
    run(seen, graph.compile())
    [message] = seen.tree("r1")["messages"]
    assert (message["content"], message["final"]) == (text, True)
    parts = [event["data"] for event in seen.log("r1", "message.appended")]
    assert len(text) / 256 <= len(parts) < 100
    assert [part["final"] for part in parts] == [False] * (len(parts) - 1) + [True]


def test_a_token_does_not_wait_for_the_next_one() -> None:
    said: list[Say] = []
    came = threading.Event()

    def emit(say: Say) -> None:
        said.append(say)
        came.set()

    merger = TokenMerger(emit, window=0.01)
    merger.add(Say("k", "m", "assistant", "Hel"))
    merger.add(Say("k", "m", "assistant", "lo"))
    assert came.wait(5)
    assert [(each.content, each.final) for each in said] == [("Hello", False)]


@pytest.mark.parametrize(
    ("adds", "expect"),
    [
        ([("m", "x" * 300, False)], ["x" * 300]),
        ([("m", "a", False), ("n", "b", False), ("m", "c", True), ("n", "d", True)], ["ac", "bd"]),
    ],
)
def test_what_leaves_the_merger_at_once(adds: list[tuple[str, str, bool]], expect: list[str]) -> None:
    said: list[Say] = []
    merger = TokenMerger(said.append, window=60)
    for message, content, final in adds:
        merger.add(Say("k", message, "assistant", content, final))
    assert [each.content for each in said] == expect


def test_a_node_reports_progress_of_its_own_by_a_custom_event(seen: Seen) -> None:
    async def work(_: Any) -> Any:
        await adispatch_custom_event("files", {"progress": {"current": 2, "total": 8, "unit": "files"}})
        await adispatch_custom_event("found a file", {"name": "a.txt"})
        return {}

    run(seen, build({"work": work}), {"n": 1})
    work_run = seen.named("r1", "work")
    assert [work_run["progress"][each] for each in ("current", "total", "unit")] == [2, 8, "files"]
    [note] = [event for event in seen.log("r1") if event["type"].startswith("x.")]
    assert (note["type"], note["run"], note["data"]) == ("x.found-a-file", work_run["id"], {"name": "a.txt"})
