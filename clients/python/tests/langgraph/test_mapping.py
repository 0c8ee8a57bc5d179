"""The pure mapping, fed with callbacks as LangGraph 1.2 makes them. No server and no LangGraph."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from milepost._agents.intents import ROOT, Failure, Note, Report, Say
from milepost.langgraph.mapping import GraphMapping
from milepost.langgraph.outcome import Outcome, of_error, sends_of
from milepost.langgraph.steps import StepMapping, custom

FAILED = Outcome("failed", failure=Failure("ValueError", "x"))
WAITS = Outcome("interrupted", reason="ok?")


class Story:
    """Plays callbacks; `text` is what came of them, a short word for each intent."""

    def __init__(self, **options: Any) -> None:
        self.mapping = GraphMapping(**options)
        self.steps = StepMapping(self.mapping.calls)
        self.text: list[str] = []

    def root(self, call: str = "R") -> Story:
        return self.take(self.mapping.root_start(call))

    def node(self, call: str, ns: str, *, step: int = 1, parent: str = "R", pushed: bool = False) -> Story:
        name = ns.split("|")[-1].split(":")[0]
        metadata = {
            "langgraph_node": name,
            "langgraph_checkpoint_ns": ns,
            "langgraph_triggers": ("__pregel_push",) if pushed else (f"branch:to:{name}",),
        }
        return self.take(self.mapping.chain_start(call, parent, name, [f"graph:step:{step}"], metadata))

    def inner(self, call: str, parent: str, name: str | None = "LangGraph") -> Story:
        return self.take(self.mapping.chain_start(call, parent, name, ["seq:step:1"], {"langgraph_node": "other"}))

    def end(self, call: str, **given: Any) -> Story:
        return self.take(self.mapping.chain_end(call, **given))

    def error(self, call: str, outcome: Outcome) -> Story:
        return self.take(self.mapping.chain_error(call, outcome))

    def root_end(self) -> Story:
        return self.take(self.mapping.root_end())

    def root_error(self, outcome: Outcome) -> Story:
        return self.take(self.mapping.root_error(outcome))

    def take(self, intents: Any) -> Story:
        for intent in intents:
            kind, key = type(intent).__name__, intent.key or "root"
            if kind == "Open":
                more = f" announced {intent.announced}" if intent.announced else ""
                self.text.append(f"Open {key} in {intent.parent or 'root'}{more}")
            elif kind == "Again":
                self.text.append(f"Again {key} {intent.attempt}")
            elif kind == "Report":
                if intent.key == ROOT:
                    continue  # the done count has a test of its own
                self.text.append(f"Report {key} {intent.fields}")
            else:
                self.text.append(f"{kind} {key}")
        return self


def test_nodes_are_started_and_completed() -> None:
    story = Story().root().node("1", "a:u1").end("1").node("2", "b:u2", step=2).end("2").root_end()
    assert story.text == ["Open a:u1 in root", "Complete a:u1", "Open b:u2 in root", "Complete b:u2", "Complete root"]


def test_a_conditional_edge_is_no_node() -> None:
    story = Story().root().node("1", "a:u1").inner("2", "1", None).end("2").end("1").root_end()
    assert story.text == ["Open a:u1 in root", "Complete a:u1", "Complete root"]


def test_a_retried_failure_is_another_attempt() -> None:
    story = Story().root().node("1", "a:u1").error("1", FAILED).node("2", "a:u1").end("2").root_end()
    assert story.text == ["Open a:u1 in root", "Note a:u1", "Again a:u1 2", "Complete a:u1", "Complete root"]


@pytest.mark.parametrize("how", ["root fails", "next superstep"])
def test_a_failure_is_final_at_the_end_of_its_superstep(how: str) -> None:
    story = Story().root().node("1", "a:u1").error("1", FAILED)
    assert story.text[-1] == "Note a:u1"
    if how == "root fails":
        story.root_error(FAILED)
        assert story.text[-2:] == ["Fail a:u1", "Fail root"]
    else:
        story.node("2", "b:u2", step=2)
        assert story.text[-2:] == ["Fail a:u1", "Open b:u2 in root"]


def test_an_interrupt_waits_and_the_normal_end_after_it_is_no_success() -> None:
    story = Story().root().node("1", "ask:u1").error("1", WAITS).root_end()
    assert story.text == ["Open ask:u1 in root", "Wait ask:u1", "Wait root"]
    story.text.clear()
    story.root("R2").node("2", "ask:u1", parent="R2").end("2").root_end()
    assert story.text == ["Resume root", "Resume ask:u1", "Complete ask:u1", "Complete root"]


def test_a_static_breakpoint_waits_too() -> None:
    story = Story().root()
    story.mapping.paused("interrupt_before")
    assert story.root_end().text == ["Wait root"]


def test_a_nested_interrupt_waits_on_each_level() -> None:
    story = Story().root().node("1", "sub:u1").inner("2", "1").node("3", "sub:u1|ask:u2", parent="2")
    story.error("3", WAITS).error("2", WAITS).error("1", WAITS).root_end()
    assert story.text[2:] == ["Wait sub:u1|ask:u2", "Wait sub:u1", "Wait root"]


def test_a_node_of_a_sub_graph_is_below_the_outer_node() -> None:
    story = Story().root().node("1", "sub:u1").inner("2", "1").node("3", "sub:u1|in:u2", parent="2")
    assert story.text == ["Open sub:u1 in root", "Open sub:u1|in:u2 in sub:u1"]


def test_a_task_of_the_functional_api_is_a_node_and_a_sub_graph_of_the_same_name_is_not() -> None:
    story = Story().root().node("1", "work:u1")
    about = {"langgraph_node": "double", "langgraph_checkpoint_ns": "work:u1|double:u2", "langgraph_step": 1}
    story.take(story.mapping.chain_start("2", "1", "double", ["seq:step:1"], about))
    same = {"langgraph_node": "work", "langgraph_checkpoint_ns": "work:u1", "langgraph_step": 1}
    story.take(story.mapping.chain_start("3", "1", "work", ["seq:step:1"], same))
    assert story.text == ["Open work:u1 in root", "Open work:u1|double:u2 in work:u1"]


def test_a_fan_out_announces_its_tasks_and_keys_them_by_namespace() -> None:
    story = Story().root().node("1", "a:u1").inner("2", "1", None).end("2", sends={"w": 3}).end("1")
    story.text.clear()
    for number in (1, 2, 3):
        story.node(f"w{number}", f"w:u{number}", step=2, pushed=True)
    assert story.text == [
        "Open |w*2 in root announced 3",
        "Open w:u1 in |w*2",
        "Open w:u2 in |w*2",
        "Open w:u3 in |w*2",
    ]
    story.text.clear()
    story.end("w2").end("w1").end("w3")
    assert story.text == ["Complete w:u2", "Complete w:u1", "Complete w:u3", "Complete |w*2"]


def test_sends_of_the_start_edge_are_announced() -> None:
    story = Story().root()
    metadata = {"langgraph_node": "__start__"}
    hidden = ["graph:step:0", "langsmith:hidden"]
    story.take(story.mapping.chain_start("s", "R", "__start__", hidden, metadata))
    story.inner("e", "s", None).end("e", sends={"w": 2}).end("s").node("1", "w:u1", pushed=True)
    assert story.text == ["Open |w*1 in root announced 2", "Open w:u1 in |w*1"]


def test_a_task_that_failed_fails_its_fan_out() -> None:
    story = Story().root().node("1", "a:u1").end("1", sends={"w": 2})
    story.node("2", "w:1", step=2, pushed=True).node("3", "w:2", step=2, pushed=True)
    story.end("2").error("3", FAILED).root_error(FAILED)
    assert story.text[-3:] == ["Fail w:2", "Fail |w*2", "Fail root"]


def test_a_command_to_the_parent_is_no_failure_and_its_sends_count() -> None:
    up = Outcome("handed_up", sends={"w": 2})
    story = Story().root().node("1", "sub:u1").inner("2", "1").node("3", "sub:u1|in:u2", parent="2")
    story.error("3", up).error("2", up).error("1", up).node("4", "w:u4", step=2, pushed=True)
    assert story.text[2:] == [
        "Complete sub:u1|in:u2",
        "Complete sub:u1",
        "Open |w*2 in root announced 2",
        "Open w:u4 in |w*2",
    ]


def test_siblings_of_a_failed_branch_are_cancelled() -> None:
    story = Story().root().node("1", "bad:1").node("2", "slow:2").node("3", "fast:3").end("3")
    story.error("1", FAILED).error("2", Outcome("cancelled", reason="cancelled")).root_error(FAILED)
    assert story.text[3:] == ["Complete fast:3", "Note bad:1", "Cancel slow:2", "Fail bad:1", "Fail root"]


def test_a_drain_cancels_the_run() -> None:
    story = Story().root().node("1", "a:1").end("1").root_error(Outcome("drained", reason="stop"))
    assert story.text[-1] == "Cancel root"


def test_the_done_count_has_a_total_only_where_one_was_declared() -> None:
    def counts(**options: Any) -> list[dict[str, Any]]:
        mapping = GraphMapping(**options)
        list(mapping.root_start("R"))
        seen: list[Any] = []
        for number in range(3):
            start = {"langgraph_node": "a", "langgraph_checkpoint_ns": f"a:{number}"}
            list(mapping.chain_start(number, "R", "a", [f"graph:step:{number}"], start))
            seen += [each.fields for each in mapping.chain_end(number) if isinstance(each, Report)]
        return seen

    assert [(c["current"], c["total"]) for c in counts()] == [(1, None), (2, None), (3, None)]
    assert [(c["current"], c["total"]) for c in counts(expected_nodes=2)] == [(1, 2), (2, 2), (3, None)]


def test_an_execution_that_was_over_and_starts_again_is_another_one() -> None:
    story = Story().root().node("1", "a:1").end("1").node("2", "a:1").end("2").node("3", "a:1")
    assert [line for line in story.text if line.startswith("Open")] == [
        "Open a:1 in root",
        "Open a:1#2 in root",
        "Open a:1#3 in root",
    ]


def test_steps_are_below_their_node_and_end_with_it() -> None:
    story = Story().root().node("1", "a:1")
    story.take(story.steps.step_start("t", "1", "tool", "search", {}))
    story.take(story.steps.step_end("t"))
    story.take(story.steps.step_start("u", "1", "tool", "search", {}))
    story.error("1", Outcome("cancelled", reason="stop"))
    assert story.text[1:] == [
        "Open tool:t in a:1",
        "Complete tool:t",
        "Open tool:u in a:1",
        "Cancel tool:u",
        "Cancel a:1",
    ]


def test_messages_belong_to_the_node_and_have_the_id_of_the_model_run() -> None:
    story = Story().root().node("1", "a:1")
    list(story.steps.step_start("m", "1", "model", "fake", {}))
    all_said = [*story.steps.token("m", "Hel"), *story.steps.token("m", "lo"), *story.steps.told("m", "Hello")]
    said = [each for each in all_said if isinstance(each, Say)]
    assert [(s.key, s.message, s.content, s.final) for s in said] == [
        ("a:1", "lc_run--m", "Hel", False),
        ("a:1", "lc_run--m", "lo", False),
        ("a:1", "lc_run--m", "", True),
    ]
    list(story.steps.step_start("n", "1", "model", "fake", {}))
    [whole] = story.steps.told("n", "whole")
    assert whole == Say("a:1", "lc_run--n", "assistant", "whole", final=True)


@pytest.mark.parametrize(
    ("payload", "expect"),
    [
        ({"progress": {"current": 1, "total": 4, "other": 1}}, ("Report", {"current": 1, "total": 4})),
        ({"progress": 3, "total": 4, "unit": "files"}, ("Report", {"current": 3, "total": 4, "unit": "files"})),
        ({"found": 3}, ("x.my-news", {"found": 3})),
        ("text", ("x.my-news", {"value": "text"})),
    ],
)
def test_custom_payloads(payload: Any, expect: tuple[str, Any]) -> None:
    [intent] = custom("a:1", "my news", payload)
    assert intent == (Report("a:1", expect[1]) if expect[0] == "Report" else Note("a:1", *expect))


class GraphBubbleUp(Exception): ...


class GraphInterrupt(GraphBubbleUp): ...


class NodeInterrupt(GraphInterrupt): ...


class GraphDrained(GraphBubbleUp):
    reason = "stop"


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("x"), "failed"),
        (Unprintable(), "failed"),
        (GraphInterrupt(()), "interrupted"),
        (NodeInterrupt([{"question": "ok?"}]), "interrupted"),
        (GraphDrained(), "drained"),
        (asyncio.CancelledError(), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
    ],
)
def test_outcomes_of_exceptions(error: BaseException, kind: str) -> None:
    assert of_error(error).kind == kind


def test_sends_are_counted_by_their_node() -> None:
    class Send:
        def __init__(self, node: str) -> None:
            self.node = node

    class Command:
        goto = (Send("b"), "c")

    assert sends_of([Send("a"), Send("a"), Command(), {"x": 1}]) == {"a": 2, "b": 1}
    assert sends_of({"x": 1}) == {}
    assert sends_of(None) == {}
