"""What the LangGraph handler costs: graphs of 1 000 nodes, with and without it.

    MILEPOST_BINARY=… python benchmarks/langgraph_overhead.py [--nodes 1000] [--rounds 7] [--work 5]

Two graphs: of nodes that do nothing, where all that is measured is LangGraph itself, and of nodes that await for `--work`
milliseconds each, as those do that ask a database or, much longer, a model.

Rows: no handler; a handler that does nothing, which is what LangChain itself takes for calling one; ours against a real
server on this machine. `wall` is what the caller waits; `its thread` the CPU of the thread that the graph runs in; `all
threads` that of the process, the background sender included, until everything was at the server. Rounds are interleaved, each
is compared with that without a handler in the same round, and the median of the differences is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import operator
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypedDict

from langchain_core.callbacks import BaseCallbackHandler
from langgraph.graph import START, StateGraph

import milepost
from milepost.langgraph import MilepostCallback, StateView


class State(TypedDict, total=False):
    n: Annotated[int, operator.add]


class Nothing(BaseCallbackHandler):
    run_inline = True


async def adds(_: State) -> State:
    return {"n": 1}


def chain(nodes: int, work: float = 0.0) -> Any:
    """Nodes one after the other; each awaits `work` seconds."""

    async def works(state: State) -> State:
        await asyncio.sleep(work)
        return await adds(state)

    graph = StateGraph(State)
    for number in range(nodes):
        graph.add_node(f"n{number}", works if work else adds)
        graph.add_edge(f"n{number - 1}" if number else START, f"n{number}")
    return graph.compile()


def measure(graph: Any, nodes: int, rounds: int, handlers: dict[str, Callable[[], list[Any]]], flush: Any) -> Any:
    config: Any = {"recursion_limit": nodes + 10}
    seen: dict[str, list[tuple[float, float, float]]] = {name: [] for name in handlers}

    async def one(callbacks: list[Any]) -> tuple[float, float, float]:
        cpu, thread, wall = time.process_time(), time.thread_time(), time.perf_counter()
        result = await graph.ainvoke({"n": 0}, {**config, "callbacks": callbacks})
        took, own = time.perf_counter() - wall, time.thread_time() - thread
        assert result["n"] == nodes
        flush()
        return took, own, time.process_time() - cpu

    for number in range(rounds + 1):
        for name, make in handlers.items():
            figures = asyncio.run(one(make()))
            if number:  # the first round warms up
                seen[name].append(figures)
    return {name: list(zip(*figures, strict=True)) for name, figures in seen.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--work", type=float, default=5.0)
    options = parser.parse_args()
    settings = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
    binary = os.environ.get("MILEPOST_BINARY", "milepost")
    with tempfile.TemporaryDirectory() as data:
        command = [binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", data]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=settings) as server:
            assert server.stdout is not None
            try:
                client = milepost.Client(server.stdout.readline().split()[-1], "bench")
                report(client, "that do nothing", chain(options.nodes), options)
                report(client, f"of {options.work:g} ms", chain(options.nodes, options.work / 1e3), options)
            finally:
                server.terminate()


def report(client: milepost.Client, what: str, graph: Any, options: argparse.Namespace) -> None:
    handlers: dict[str, Callable[[], list[Any]]] = {
        "no handler": list,
        "a handler that does nothing": lambda: [Nothing()],
        "MilepostCallback": lambda: [MilepostCallback(client)],
        "MilepostCallback, no state": lambda: [MilepostCallback(client, state=StateView("nothing"))],
    }
    nodes = options.nodes
    found = measure(graph, nodes, options.rounds, handlers, client.flush)
    print(
        f"{nodes} nodes {what}, median of {options.rounds} rounds; µs a node, and how much more than without a handler"
    )
    print(f"{'':30}{'wall':>16}{'its thread':>18}{'all threads':>18}")
    for name, figures in found.items():
        cells = [
            f"{statistics.median(own) / nodes * 1e6:9.0f} {statistics.median(more(own, bare)) * 100:+6.1f}%"
            for own, bare in zip(figures, found["no handler"], strict=True)
        ]
        print(f"{name:30}" + " ".join(cells), flush=True)


def more(own: Sequence[float], bare: Sequence[float]) -> list[float]:
    """How much more it was in each round."""
    return [with_it / without - 1 for with_it, without in zip(own, bare, strict=True)]


if __name__ == "__main__":
    main()
