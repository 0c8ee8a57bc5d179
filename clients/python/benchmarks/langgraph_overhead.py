"""What the LangGraph handler costs: a graph of 1 000 trivial nodes, with and without it.

    MILEPOST_BINARY=… python benchmarks/langgraph_overhead.py [--nodes 1000] [--rounds 7]

Rows: no handler; a handler that does nothing, which is what LangChain itself takes for calling one; ours against a real
server on this machine. Rounds are interleaved and the medians compared. `wall` is what the caller waits; `its thread` the CPU
of the thread that the graph runs in; `all threads` that of the process, the background sender included, until everything was
at the server.
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
from collections.abc import Callable
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


def chain(nodes: int) -> Any:
    """Trivial nodes one after the other."""
    graph = StateGraph(State)
    for number in range(nodes):
        graph.add_node(f"n{number}", adds)
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
    return {
        name: [statistics.median(column) for column in zip(*figures, strict=True)] for name, figures in seen.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    settings = {name: value for name, value in os.environ.items() if not name.startswith("MILEPOST_")}
    binary = os.environ.get("MILEPOST_BINARY", "milepost")
    with tempfile.TemporaryDirectory() as data:
        command = [binary, "serve", "--listen", "127.0.0.1:0", "--data-dir", data]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=settings) as server:
            assert server.stdout is not None
            try:
                report(server.stdout.readline().split()[-1], options.nodes, options.rounds)
            finally:
                server.terminate()


def report(url: str, nodes: int, rounds: int) -> None:
    client = milepost.Client(url, "bench")
    handlers: dict[str, Callable[[], list[Any]]] = {
        "no handler": list,
        "a handler that does nothing": lambda: [Nothing()],
        "MilepostCallback": lambda: [MilepostCallback(client)],
        "MilepostCallback, no state": lambda: [MilepostCallback(client, state=StateView("nothing"))],
    }
    found = measure(chain(nodes), nodes, rounds, handlers, client.flush)
    print(f"{nodes} nodes, median of {rounds} rounds; µs a node, and how much more than without a handler")
    print(f"{'':30}{'wall':>16}{'its thread':>18}{'all threads':>18}")
    for name, figures in found.items():
        cells = [
            f"{seconds / nodes * 1e6:9.0f} {(seconds / bare - 1) * 100:+6.1f}%"
            for seconds, bare in zip(figures, found["no handler"], strict=True)
        ]
        print(f"{name:30}" + " ".join(cells))


if __name__ == "__main__":
    main()
