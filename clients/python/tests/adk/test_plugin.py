"""The plugin with the real ADK, a deterministic model, and the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

pytest.importorskip("google.adk", reason="SKIPPED: adk is not installed")

from google.adk.agents import LlmAgent, LoopAgent, ParallelAgent, SequentialAgent
from google.adk.agents._streaming_mode import StreamingMode
from google.adk.agents.run_config import RunConfig
from google.adk.apps import App
from google.adk.models import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.runners import Runner
from google.adk.sessions import InMemorySessionService
from google.adk.tools.exit_loop_tool import exit_loop
from google.adk.tools.long_running_tool import LongRunningFunctionTool
from google.adk.workflow import START, FunctionNode, RetryConfig, Workflow
from google.genai import types

import milepost
from milepost.adk import MilepostPlugin, StateView
from tests.seen import Seen

USAGE = types.GenerateContentResponseUsageMetadata(prompt_token_count=3, candidates_token_count=2, total_token_count=5)


class Model(BaseLlm):
    """Gives its answers in order: a text, a call of a tool `(name, arguments)`, or an exception."""

    answers: list[Any]

    async def generate_content_async(self, llm_request: Any, stream: bool = False) -> AsyncGenerator[LlmResponse, None]:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            for word in answer.split(" ") if stream else ():
                yield LlmResponse(content=content(types.Part(text=word + " ")), partial=True)
            part = types.Part(text=answer)
        else:
            part = types.Part(function_call=types.FunctionCall(name=answer[0], args=answer[1]))
        yield LlmResponse(content=content(part), usage_metadata=USAGE)


def content(*parts: types.Part, role: str = "model") -> types.Content:
    return types.Content(role=role, parts=list(parts))


def agent(name: str, *answers: Any, **options: Any) -> LlmAgent:
    return LlmAgent(name=name, model=Model(model="fake", answers=list(answers)), **options)


class Play:
    """A runner with the plugin."""

    def __init__(self, seen: Seen, root: Any, **options: Any) -> None:
        self.client = milepost.AsyncClient(seen.url, seen.project)
        plugin = MilepostPlugin(self.client, **options)
        app = App(name="app", root_agent=root, plugins=[plugin])
        self.runner = Runner(app=app, session_service=InMemorySessionService())
        self.session: Any = None

    async def say(self, *parts: types.Part, stream: bool = False) -> list[Any]:
        if self.session is None:
            self.session = await self.runner.session_service.create_session(app_name="app", user_id="u")
        config = RunConfig(streaming_mode=StreamingMode.SSE if stream else StreamingMode.NONE)
        message = content(*(parts or (types.Part(text="hi"),)), role="user")
        events = self.runner.run_async(user_id="u", session_id=self.session.id, new_message=message, run_config=config)
        try:
            return [event async for event in events]
        finally:
            await self.client.flush()


def run(seen: Seen, root: Any, *, stream: bool = False, **options: Any) -> dict[str, Any]:
    """One invocation; the run that came of it."""

    async def main() -> None:
        await Play(seen, root, **options).say(stream=stream)

    asyncio.run(main())
    [found] = seen.runs()
    return found


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


def explode() -> int:
    """Fails."""
    raise RuntimeError("no fuse")


def test_agents_are_nodes_and_calls_are_their_steps(seen: Seen) -> None:
    root = run(seen, agent("adder", ("add", {"a": 1, "b": 2}), "It is 3.", tools=[add]))
    assert (root["state"], root["name"], root["kind"]) == ("completed", "adder", "agent")
    assert root["metadata"]["framework"] == "adk"
    assert seen.states(root["id"]) == {
        "node adder": "completed",
        "step fake": "completed",
        "step add": "completed",
        "step fake (2)": "completed",
    }
    steps = [each for each in seen.tree(root["id"])["runs"] if each["kind"] == "step"]
    assert steps[0]["values"] == {"usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}}
    [message] = seen.tree(root["id"])["messages"]
    assert (message["content"], message["final"]) == ("It is 3.", True)


def test_streamed_parts_become_one_message(seen: Seen) -> None:
    root = run(seen, agent("talker", "one two three"), stream=True)
    [message] = seen.tree(root["id"])["messages"]
    assert (message["content"], message["final"]) == ("one two three ", True)


def test_a_failing_tool_fails_step_agent_and_run(seen: Seen) -> None:
    with pytest.raises(RuntimeError, match="no fuse"):
        run(seen, agent("bomber", ("explode", {}), tools=[explode]))
    [root] = seen.runs()
    assert (root["state"], root["error"]["message"]) == ("failed", "no fuse")
    states = seen.states(root["id"])
    assert (states["step explode"], states["node bomber"]) == ("failed", "failed")


def test_a_failing_model_fails_step_agent_and_run(seen: Seen) -> None:
    with pytest.raises(ValueError, match="overloaded"):
        run(seen, agent("talker", ValueError("overloaded")))
    [root] = seen.runs()
    assert root["state"] == "failed"
    assert seen.states(root["id"]) == {"node talker": "failed", "step fake": "failed"}


@pytest.mark.parametrize("team", [SequentialAgent, ParallelAgent])
def test_agents_of_a_team_are_below_it(seen: Seen, team: Any) -> None:
    root = run(seen, team(name="team", sub_agents=[agent("a", "x"), agent("b", "y")]), steps=False)
    assert seen.states(root["id"]) == {"node team": "completed", "node a": "completed", "node b": "completed"}
    team_id = seen.tree(root["id"])["runs"][1]["id"]
    assert {seen.named(root["id"], name)["parent"] for name in "ab"} == {team_id}


def test_every_round_of_a_loop_is_a_node(seen: Seen) -> None:
    looping = agent("worker", "again", ("exit_loop", {}), tools=[exit_loop])
    root = run(seen, LoopAgent(name="loop", sub_agents=[looping], max_iterations=5), steps=False)
    assert seen.states(root["id"]) == {
        "node loop": "completed",
        "node worker": "completed",
        "node worker (2)": "completed",
    }


def test_functions_and_agents_of_a_workflow_are_nodes(seen: Seen) -> None:
    calls = 0

    def shout(node_input: Any) -> str:
        return str(node_input).upper()

    def flaky(node_input: str) -> str:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("not yet")
        return node_input

    retried = FunctionNode(func=flaky, name="flaky", retry_config=RetryConfig(max_attempts=3, initial_delay=0.001))
    flow = Workflow(name="flow", edges=[(START, shout), (shout, retried), (retried, agent("talker", "hello"))])
    root = run(seen, flow, steps=False)
    assert (root["name"], root["state"]) == ("app", "completed")
    states = {"node shout": "completed", "node flaky": "completed", "node talker": "completed"}
    assert seen.states(root["id"]) == states
    assert seen.named(root["id"], "flaky")["attempt"] == 2
    [failed] = seen.log(root["id"], "x.adk.attempt_failed")
    assert failed["data"] == {"attempt": 1, "error": {"code": "ValueError", "message": "not yet"}}


def test_a_failing_function_of_a_workflow_fails_node_and_run(seen: Seen) -> None:
    def broken(node_input: Any) -> str:
        raise ValueError(f"no {node_input is not None}")

    with pytest.raises(ValueError, match="no True"):
        run(seen, Workflow(name="flow", edges=[(START, broken)]))
    [root] = seen.runs()
    assert (root["state"], root["error"]["message"]) == ("failed", "no True")
    assert seen.states(root["id"]) == {"node broken": "failed"}


def test_an_agent_that_hands_over_is_completed(seen: Seen) -> None:
    expert = agent("expert", "done", description="knows")
    root = run(seen, agent("desk", ("transfer_to_agent", {"agent_name": "expert"}), sub_agents=[expert]), steps=False)
    assert root["state"] == "completed"
    assert seen.states(root["id"]) == {"node desk": "completed", "node expert": "completed"}


@pytest.mark.parametrize(
    ("view", "expect"), [(StateView(), {"answer": {"type": "str", "size": 2}}), (StateView("values"), {"answer": "42"})]
)
def test_written_state_is_shown_as_configured(seen: Seen, view: StateView, expect: Any) -> None:
    root = run(seen, agent("talker", "42", output_key="answer"), state=view)
    shown = [event["data"] for event in seen.log(root["id"], "state.updated") if event["data"]["key"] == "answer"]
    assert {each["key"]: each["value"] for each in shown} == expect


def test_a_long_running_tool_waits_and_its_answer_goes_on_with_the_run(seen: Seen) -> None:
    def approve() -> dict[str, str]:
        """Asks a person."""
        return {"status": "pending"}

    root = agent("clerk", ("approve", {}), "Somebody will look.", "Approved.", tools=[LongRunningFunctionTool(approve)])

    async def main() -> tuple[str, str]:
        play = Play(seen, root)
        events = await play.say()
        before = seen.runs()[0]["state"]
        [call] = {each for event in events for each in event.long_running_tool_ids or ()}
        answer = types.FunctionResponse(id=call, name="approve", response={"status": "yes"})
        await play.say(types.Part(function_response=answer))
        return before, seen.runs()[0]["state"]

    assert asyncio.run(main()) == ("waiting", "completed")
    [found] = seen.runs()
    assert seen.states(found["id"])["step the result of a long-running tool"] == "completed"


def test_concurrent_invocations_do_not_mix(seen: Seen) -> None:
    async def main() -> None:
        team = ParallelAgent(name="team", sub_agents=[agent(name, *["x"] * 10) for name in "ab"])
        play = Play(seen, team, steps=False)
        await play.say()
        plays = [Play.__new__(Play) for _ in range(9)]
        for each in plays:
            each.client, each.runner, each.session = play.client, play.runner, None
        await asyncio.gather(*(each.say() for each in plays))

    asyncio.run(main())
    roots = seen.runs()
    assert len(roots) == 10
    for root in roots:
        assert root["state"] == "completed"
        assert seen.states(root["id"]) == {"node team": "completed", "node a": "completed", "node b": "completed"}


class Hanging:
    """A tool that never returns."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def hang(self) -> None:
        """Hangs."""
        self.begun.set()
        await asyncio.Event().wait()


def test_a_cancelled_task_cancels_the_run(seen: Seen) -> None:
    async def main() -> None:
        tool = Hanging()
        play = Play(seen, agent("worker", ("hang", {}), tools=[tool.hang]))
        task = asyncio.create_task(play.say())
        await asyncio.wait_for(tool.begun.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)
        await play.client.flush()

    asyncio.run(main())
    [root] = seen.runs()
    assert root["state"] == "cancelled"
    states = seen.states(root["id"])
    assert (states["step hang"], states["node worker"]) == ("cancelled", "cancelled")


def test_a_cancel_request_stops_before_the_next_call(seen: Seen) -> None:
    async def main() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def work() -> str:
            """Works."""
            begun.set()
            await go_on.wait()
            return "done"

        play = Play(seen, agent("worker", ("work", {}), "never said", tools=[work]))
        task = asyncio.create_task(play.say())
        await asyncio.wait_for(begun.wait(), 20)
        await play.client.flush()
        [root] = seen.runs()
        await play.client.cancel(root["id"], "not needed", 30)
        await asyncio.wait_for(_told(play), 20)
        go_on.set()
        await task

    asyncio.run(main())
    [root] = seen.runs()
    assert (root["state"], root["cancel"]["acknowledged"]) == ("cancelled", True)
    assert seen.tree(root["id"])["messages"] == []


def test_a_cancel_request_ends_a_loop_without_an_end(seen: Seen) -> None:
    async def main() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            """Works."""
            begun.set()
            await go_on.wait()

        endless = agent("worker", *[("work", {}), "again"] * 1_000, tools=[work])
        play = Play(seen, LoopAgent(name="loop", sub_agents=[endless]), steps=False, messages=False)
        task = asyncio.create_task(play.say())
        await asyncio.wait_for(begun.wait(), 20)
        await play.client.flush()
        await play.client.cancel(seen.runs()[0]["id"], "not needed", 60)
        await asyncio.wait_for(_told(play), 20)
        go_on.set()
        await asyncio.wait_for(task, 20)

    asyncio.run(main())
    [root] = seen.runs()
    assert (root["state"], root["cancel"]["acknowledged"]) == ("cancelled", True)


def test_a_tool_that_does_not_end_is_stopped_before_the_deadline(seen: Seen) -> None:
    async def main() -> None:
        tool = Hanging()
        play = Play(seen, agent("worker", ("hang", {}), tools=[tool.hang]))
        task = asyncio.create_task(play.say())
        await asyncio.wait_for(tool.begun.wait(), 20)
        await play.client.flush()
        await play.client.cancel(seen.runs()[0]["id"], "not needed", 4)
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 20)
        await asyncio.sleep(0)
        await play.client.flush()

    asyncio.run(main())
    [root] = seen.runs()
    assert (root["state"], root["cancel"]["acknowledged"]) == ("cancelled", True)


async def _told(play: Play) -> None:
    """Until the plugin has heard of the cancel request."""
    plugin: Any = play.runner.plugin_manager.get_plugin("milepost")
    [session] = plugin._sessions.values()
    await session.run.cancelled.wait()


def test_a_server_that_is_away_does_not_matter() -> None:
    async def main() -> list[Any]:
        seen = Seen("http://127.0.0.1:9", "away")
        play = Play(seen, agent("talker", "hello"))
        play.client.flush = lambda *_: asyncio.sleep(0)  # type: ignore[method-assign,assignment]
        events = await play.say()
        await milepost.AsyncClient("http://127.0.0.1:9", "away").close(timeout=0.01)
        return events

    [event] = asyncio.run(main())
    assert event.content.parts[0].text == "hello"
