"""What the callbacks of one LangGraph run mean. Pure: facts in, intents out; no server, no clock, no LangGraph.

How a callback is recognised, as LangGraph 1.2 behaves:

* the root call: the run itself;
* tag ``graph:step:N`` and the node's own name: one attempt of a node. ``langgraph_checkpoint_ns`` names the execution and
  stays the same over retries and resumes, while the callback's run id changes; several executions may share one name;
* tag ``seq:step:N``, the node's own name and a namespace of its own: a task of the functional API, called by a node;
* anything else inside a node (conditional edges, sub-graphs): not a node, but what starts below it belongs to that node.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from milepost._agents.intents import (
    ROOT,
    Again,
    Cancel,
    Complete,
    Fail,
    Failure,
    Intent,
    Note,
    Open,
    Report,
    Resume,
    State,
    Wait,
)

from .calls import Call, CallId, Calls, Fanout, Graph, Node
from .outcome import Outcome

_PUSHED = "__pregel_push"
_AGAIN = "the node started again"


class GraphMapping:
    """One run of one graph; it lives on over interrupts. Not thread-safe: the caller holds a lock."""

    def __init__(self, *, expected_nodes: int | None = None) -> None:
        self.calls: Calls = {}
        self.waiting = False
        self.over = False
        self._expected = expected_nodes
        self._done = 0
        self._pause: str | None = None
        self._graphs: dict[CallId, Graph] = {}
        self._nodes: dict[str, Node] = {}

    # -- the run itself

    def root_start(self, call: CallId) -> Iterator[Intent]:
        """The graph begins, or goes on after an interrupt."""
        self.calls.clear()
        self._graphs.clear()
        graph = self._graphs[call] = Graph(ROOT)
        self.calls[call] = Call(ROOT, graph)
        self._pause = None
        if self.waiting:
            self.waiting = False
            yield Resume(ROOT)

    def root_end(self) -> Iterator[Intent]:
        """The graph returned. That is no success if something waits: it also returns after an interrupt."""
        yield from self._settle_all()
        waits = [node.name for node in self._nodes.values() if node.waiting]
        if waits or self._pause is not None:
            self.waiting = True
            yield Wait(ROOT, self._pause or f"waiting in {', '.join(dict.fromkeys(waits))}")
        else:
            self.over = True
            yield Complete(ROOT)

    def root_error(self, outcome: Outcome) -> Iterator[Intent]:
        yield from self._settle_all()
        if outcome.kind == "interrupted":
            self.waiting = True
            yield Wait(ROOT, outcome.reason)
            return
        self.over = True
        if outcome.kind == "handed_up":
            yield Complete(ROOT)
        elif outcome.kind == "failed":
            yield Fail(ROOT, outcome.failure or Failure("Error", "failed"))
        else:
            yield Cancel(ROOT, outcome.reason)

    def paused(self, reason: str) -> Iterator[Intent]:
        """The graph will stop here and wait, also where no node asked for it (`interrupt_before`)."""
        self._pause = reason
        return iter(())

    def is_empty(self) -> bool:
        """Whether nothing has been reported yet."""
        return not self._nodes

    def known(self, ns: str, key: str, name: str, *, attempts: int, state: str, fanout: Fanout | None = None) -> None:
        """An execution that another process has reported, read back from the server."""
        over = state in ("completed", "failed", "cancelled")
        node = Node(key, ns, name, Graph(ROOT), fanout, attempts=attempts, waiting=state == "waiting", over=over)
        self._nodes[ns] = node
        self._done += over
        if over and fanout is not None:
            fanout.open -= 1
            fanout.failed += state != "completed"

    def running_node(self, graph: str, name: str | None = None) -> str | None:
        """The key of the only node of a (sub-)graph that is running, of those with that name if one is given. A payload of a
        stream writer tells no more of where it comes from; None where that is not enough."""
        running = {
            call.key
            for call in self.calls.values()
            if call.attempt and call.node is not None and call.graph.key == graph and name in (None, call.node.name)
        }
        return running.pop() if len(running) == 1 else None

    # -- chains

    def chain_start(
        self, call: CallId, parent: CallId, name: str | None, tags: Sequence[str], metadata: Mapping[str, Any]
    ) -> Iterator[Intent]:
        above = self.calls.get(parent)
        if above is None:
            return
        step = _step_of(tags)
        if step is None and above.node is not None and metadata.get("langgraph_checkpoint_ns") != above.node.ns:
            step = metadata.get("langgraph_step")
        if step is None or name != metadata.get("langgraph_node"):
            self.calls[call] = Call(above.key, above.graph, above.node)
            return
        graph = self._graphs.get(parent)
        if graph is None:
            graph = self._graphs[parent] = Graph(above.key)
        if "langsmith:hidden" in tags:
            self.calls[call] = Call(graph.key, graph, above.node)
            return
        if step > graph.step:
            yield from self._settle(graph)
            graph.step = step
        yield from self._node_start(call, graph, str(name), metadata)

    def chain_end(
        self, call: CallId, sends: Mapping[str, int] | None = None, state: Mapping[str, Any] | None = None
    ) -> Iterator[Intent]:
        """`sends`: the tasks that the output starts, by node name. `state`: what of the output may be shown."""
        ended = self.calls.pop(call, None)
        if ended is None:
            return
        if sends:
            ended.graph.sends.update(sends)
        yield from self._inner_over(call)
        if ended.attempt and ended.node is not None:
            for name, value in (state or {}).items():
                yield State(ended.key, name, value)
            yield from self._node_over(ended.node, Complete(ended.key))

    def chain_error(self, call: CallId, outcome: Outcome) -> Iterator[Intent]:
        ended = self.calls.pop(call, None)
        if ended is None:
            return
        yield from self._inner_over(call)
        if not ended.attempt or ended.node is None:
            return
        node = ended.node
        if outcome.kind == "interrupted":
            node.waiting = True
            yield Wait(node.key, outcome.reason)
        elif outcome.kind == "handed_up":
            # Goes on in the graph above: the outermost node that passes it on is the one whose graph runs the tasks.
            node.graph.sends.update(outcome.sends)
            yield from self._node_over(node, Complete(node.key))
        elif outcome.kind == "failed":
            yield from self._hold(node, outcome.failure or Failure("Error", "failed"))
        else:
            yield from self._node_over(node, Cancel(node.key, outcome.reason))

    # -- nodes

    def _node_start(self, call: CallId, graph: Graph, name: str, metadata: Mapping[str, Any]) -> Iterator[Intent]:
        ns = str(metadata.get("langgraph_checkpoint_ns") or f"{graph.key}|{name}:{graph.step}")
        node = self._nodes.get(ns)
        if node is None or node.over:
            key = ns if node is None else _next_key(node.key)
            parent, fanout = graph.key, None
            if _PUSHED in (metadata.get("langgraph_triggers") or ()):
                fanout = graph.fanouts.get(name) or (yield from self._fan_out(graph, name))
                parent = fanout.key if fanout is not None else parent
            node = self._nodes[ns] = Node(key, ns, name, graph, fanout)
            yield Open(key, parent, "node", name, _describe(ns, key, graph.step, metadata))
        else:
            yield from _close_steps(node)
            if node.waiting:  # a continuation, not another attempt
                node.waiting = False
                yield Resume(node.key)
            else:
                node.attempts += 1
                node.held = None
                if node in graph.held:
                    graph.held.remove(node)
                yield Again(node.key, node.attempts)
        node.graph = graph
        self.calls[call] = Call(node.key, graph, node, attempt=True)

    def _fan_out(self, graph: Graph, name: str) -> Generator[Intent, None, Fanout | None]:
        """A run over the tasks of one `Send` list, so that their number is known before they all exist."""
        announced = graph.sends.pop(name, 0)
        if announced < 2:
            return None
        fanout = graph.fanouts[name] = Fanout(f"{graph.key}|{name}*{graph.step}", announced)
        metadata = {"announced": announced}
        yield Open(fanout.key, graph.key, "fanout", f"{name} × {announced}", metadata, announced)
        return fanout

    def _hold(self, node: Node, failure: Failure) -> Iterator[Intent]:
        """A failure is final only when the node was not tried again by the end of the superstep."""
        node.held = failure
        node.graph.held.append(node)
        error = {"code": failure.code, "message": failure.message}
        yield Note(node.key, "x.langgraph.attempt_failed", {"attempt": node.attempts, "error": error})

    def _node_over(self, node: Node, end: Intent) -> Iterator[Intent]:
        node.over, node.held, node.waiting = True, None, False
        yield from _close_steps(node)
        yield end
        self._done += 1
        total = self._expected if self._expected and self._done <= self._expected else None
        yield Report(ROOT, {"current": self._done, "total": total, "unit": "nodes"})
        fanout = node.fanout
        if fanout is not None:
            fanout.open -= 1
            fanout.failed += not isinstance(end, Complete)
            if fanout.open == 0:
                yield from _fanout_over(fanout)

    def _settle(self, graph: Graph) -> Iterator[Intent]:
        """The superstep is over: nothing in it is tried again, and no more tasks of its fan-outs come."""
        for node in graph.held:
            if node.held is not None:
                yield from self._node_over(node, Fail(node.key, node.held))
        graph.held.clear()
        for fanout in graph.fanouts.values():
            if fanout.open > 0 and not any(n.waiting and n.fanout is fanout for n in self._nodes.values()):
                yield from _fanout_over(fanout)
        graph.fanouts.clear()

    def _settle_all(self) -> Iterator[Intent]:
        for graph in self._graphs.values():
            yield from self._settle(graph)

    def _inner_over(self, call: CallId) -> Iterator[Intent]:
        graph = self._graphs.pop(call, None)
        if graph is not None:
            yield from self._settle(graph)


def _step_of(tags: Sequence[str]) -> int | None:
    for tag in tags:
        if tag.startswith("graph:step:") and tag[11:].isdigit():
            return int(tag[11:])
    return None


def _next_key(key: str) -> str:
    base, _, count = key.partition("#")
    return f"{base}#{int(count or 1) + 1}"


def _describe(ns: str, key: str, step: int, metadata: Mapping[str, Any]) -> dict[str, Any]:
    triggers = [str(each) for each in metadata.get("langgraph_triggers") or ()][:32]
    path = [part.partition(":")[0] for part in ns.split("|")]
    return {"ns": ns, "path": path, "step": step, "triggers": triggers, **({"key": key} if key != ns else {})}


def _close_steps(node: Node) -> Iterator[Intent]:
    """Steps whose end was never reported: a cancelled tool says nothing."""
    for key in sorted(node.steps):
        yield Cancel(key, _AGAIN if not node.over else "the node ended")
    node.steps.clear()


def _fanout_over(fanout: Fanout) -> Iterator[Intent]:
    fanout.open = 0
    if fanout.failed:
        yield Fail(fanout.key, Failure("tasks_failed", f"{fanout.failed} of the tasks did not complete"))
    else:
        yield Complete(fanout.key)
