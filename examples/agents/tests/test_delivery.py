"""From `emit_…_event` in one process to WebSockets in another: how soon, to how many, how fast, and what it costs."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from milepost_server import Running, started_server
from websockets.asyncio.client import ClientConnection, connect

import milepost
from milepost.streaming import StreamingService

CONNECTIONS = 120


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with started_server() as running:
        yield running


@contextmanager
def emitter(url: str) -> Iterator[tuple[StreamingService, str]]:
    """A service and a project of its own."""
    client = milepost.Client(url)
    yield StreamingService(client), f"p-{uuid.uuid4().hex[:8]}"
    assert client.flush(30)


def listen(server: Running, path: str) -> Any:
    return connect(
        server.url.replace("http", "ws", 1) + f"/api/stream/projects/{path}", max_size=None, ping_interval=None
    )


async def hear(socket: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(await asyncio.wait_for(socket.recv(), 30)))


async def until(socket: ClientConnection, last: str) -> list[dict[str, Any]]:
    found = [await hear(socket)]
    while found[-1]["type"] != last:
        found.append(await hear(socket))
    return found


def test_an_event_is_delivered_within_100_ms(server: Running) -> None:
    """The median of many, from the call to the frame, because this machine may be busy with something else at any moment."""

    async def main() -> list[float]:
        with emitter(server.url) as (service, project):
            service.emit_agent_event(project, "agent.run.created", {"id": "a", "status": "running"})
            async with listen(server, project) as socket:
                await hear(socket)
                waits = []
                for number in range(50):
                    began = time.perf_counter()
                    step = {"id": f"s{number}", "run_id": "a", "name": "step", "status": "completed"}
                    service.emit_agent_event(project, "agent.step.updated", step)
                    while (await hear(socket)).get("step", {}).get("status") != "completed":
                        pass
                    waits.append(time.perf_counter() - began)
                return waits

    waits = asyncio.run(main())
    assert statistics.median(waits) < 0.1, f"median {statistics.median(waits) * 1e3:.1f} ms"


def test_more_than_100_connections_get_every_event_in_order(server: Running) -> None:
    async def main() -> None:
        with emitter(server.url) as (service, project):
            sockets = [await listen(server, project) for _ in range(CONNECTIONS)]
            for socket in sockets:
                assert (await hear(socket))["type"] == "snapshot"
            service.emit_agent_event(project, "agent.run.created", {"id": "b", "status": "running"})
            for number in range(20):
                step = {"id": f"s{number}", "run_id": "b", "name": f"step {number}", "status": "completed"}
                service.emit_agent_event(project, "agent.step.updated", step)
            service.emit_agent_event(project, "agent.run.completed", {"id": "b", "status": "completed"})
            heard = await asyncio.gather(*(until(socket, "agent.run.completed") for socket in sockets))
            for frames in heard:
                assert [frame["sequence"] for frame in frames] == list(range(1, len(frames) + 1))
            assert all(frames == heard[0] for frames in heard)
            await asyncio.gather(*(socket.close() for socket in sockets))

    asyncio.run(main())


def test_thousands_of_events_a_second_arrive(server: Running) -> None:
    """5 000 changes of state, each an event that nothing may merge, to five viewers."""
    events = 5_000

    async def main() -> float:
        with emitter(server.url) as (service, project):
            service.emit_workflow_event(project, "workflow.run.created", {"id": "c", "status": "running"})
            sockets = [await listen(server, project) for _ in range(5)]
            for socket in sockets:
                await hear(socket)
            began = time.perf_counter()

            def emit() -> None:
                for number in range(events):
                    state = {"run_id": "c", "node_id": "n", "key": "k", "value": number}
                    service.emit_workflow_event(project, "workflow.node_state.updated", state)
                service.emit_workflow_event(project, "workflow.run.completed", {"id": "c", "status": "completed"})

            emitting = asyncio.create_task(asyncio.to_thread(emit))
            heard = await asyncio.gather(*(until(socket, "workflow.run.completed") for socket in sockets))
            await emitting
            for frames in heard:
                states = [frame["nodeState"]["value"] for frame in frames if "nodeState" in frame]
                assert states == list(range(events))
            await asyncio.gather(*(socket.close() for socket in sockets))
            return events / (time.perf_counter() - began)

    rate = asyncio.run(main())
    assert rate > 500, f"{rate:.0f} events/s, each to 5 viewers"


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="SKIPPED: no /proc to read memory from")
def test_a_connection_costs_little_memory(server: Running) -> None:
    async def main() -> float:
        with emitter(server.url) as (service, project):
            service.emit_ingest_event(project, "ingest.job.created", {"id": "d", "status": "running"})
            warm = [await listen(server, project) for _ in range(50)]
            await asyncio.gather(*(hear(socket) for socket in warm))
            before = server.memory()
            sockets = [await listen(server, project) for _ in range(300)]
            await asyncio.gather(*(hear(socket) for socket in sockets))
            grown = server.memory() - before
            service.emit_ingest_event(project, "ingest.job.completed", {"id": "d", "status": "completed"})
            heard = await asyncio.gather(*(until(socket, "ingest.job.completed") for socket in sockets + warm))
            assert len(heard) == 350
            await asyncio.gather(*(socket.close() for socket in sockets + warm))
            return grown / 300

    each = asyncio.run(main())
    assert each < 200_000, f"{each:.0f} bytes a connection"


def test_work_goes_on_without_a_server() -> None:
    """Nobody listens at this address: every emit returns at once, and nothing is raised."""
    client = milepost.Client("http://127.0.0.1:9")
    service = StreamingService(client)
    began = time.perf_counter()
    for number in range(1_000):
        service.emit_ingest_event("p", "ingest.job.updated", {"id": "e", "status": "running", "current": number})
    took = time.perf_counter() - began
    client.close(0.01)
    assert took < 5
