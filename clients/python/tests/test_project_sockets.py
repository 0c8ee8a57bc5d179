"""What the emitters say is what the project's WebSockets show: the same types, the same entities, in the same order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any

import pytest
from websockets.sync.client import connect

import milepost
from milepost import streaming

from .conftest import Server
from .test_streaming import services  # noqa: F401 - a fixture

ROOTS = {"ingest": "ingest", "agent": "agent-runs", "workflow": "workflows/runs"}


def frames(server: Server, project: str, kind: str, run: str) -> list[dict[str, Any]]:
    """Everything after the beginning, until the server closes the socket."""
    address = f"{server.url.replace('http', 'ws', 1)}/api/stream/projects/{project}/{ROOTS[kind]}/{run}?after=0"
    with connect(address) as socket:
        return [json.loads(text) for text in socket]


def told(found: list[dict[str, Any]]) -> list[str]:
    return [frame["type"] for frame in found]


def test_the_three_services(server: Server, client: milepost.Client, services: Any):  # noqa: F811
    job = services.IngestJob(id="sock-job", project_id="sockets")
    services.IngestService(job).process_job(job.id)
    failing = services.IngestJob(id="sock-job-2", project_id="sockets")
    services.IngestService(failing, OSError("disk full")).process_job(failing.id)
    run = services.AgentRun(id="sock-agent", project_id="sockets")
    state = services.NodeState(run_id=run.id, node_id="search", output={"hits": 3})
    step = services.AgentStep(id="s1", run_id=run.id, name="search", status="running", node_states=[state])
    asyncio.run(services.AgentService(run, [step]).execute_run(run.id))
    asyncio.run(services.WorkflowService().execute_workflow("sock", {"project": "sockets"}))
    client.flush()

    ingest = frames(server, "sockets", "ingest", "sock-job")
    assert told(ingest) == ["ingest.job.created", *["ingest.job.updated"] * 4, "ingest.job.completed"]
    assert [frame["job"]["progress"] for frame in ingest] == [None, None, 0, 0.5, 1, 1]
    assert {frame["job"]["id"] for frame in ingest} == {"sock-job"}
    assert ingest[2]["job"]["stage"] == "PREPROCESSING"
    failed = frames(server, "sockets", "ingest", "sock-job-2")
    assert (failed[-1]["type"], failed[-1]["errorMessage"]) == ("ingest.job.failed", "disk full")
    agent = frames(server, "sockets", "agent", "sock-agent")
    assert told(agent) == [
        "agent.run.created",
        "agent.run.updated",
        "agent.step.updated",
        "agent.step.updated",
        "workflow.node_state.updated",
        "agent.step.updated",
        "agent.run.completed",
    ]
    assert agent[4]["nodeState"] == {
        "run_id": "sock-agent",
        "node_id": "sock-agent.s1",
        "key": None,
        "value": {"hits": 3},
    }
    workflow = frames(server, "sockets", "workflow", "run-of-sock")
    assert told(workflow) == [
        "workflow.run.created",
        "workflow.run.updated",
        "workflow.node_state.updated",
        "workflow.node_state.updated",
        "workflow.run.completed",
    ]


def test_nodes_and_messages(server: Server, client: milepost.Client):
    emitter = streaming.StreamingService(client)
    emit = emitter.emit_workflow_event
    emit("sockets", "workflow.run.created", {"id": "sock-flow"})
    for name in ("plan", "write"):
        emit("sockets", "workflow.node.started", {"node": {"id": name, "run_id": "sock-flow", "name": name}})
    emit("sockets", "workflow.node.completed", {"node": {"id": "plan", "run_id": "sock-flow"}})
    emit("sockets", "workflow.node.failed", {"node": {"id": "write", "run_id": "sock-flow"}}, error="no paper")
    emitter.emit_agent_event("sockets", "agent.message.appended", {"id": "m", "run_id": "sock-flow", "content": "Hi"})
    emit("sockets", "workflow.run.cancelled", {"id": "sock-flow"})
    client.flush()
    found = [
        frame for frame in frames(server, "sockets", "workflow", "sock-flow") if frame["type"] != "workflow.run.updated"
    ]
    assert told(found) == [
        "workflow.run.created",
        "workflow.node.started",
        "workflow.node.started",
        "workflow.node.completed",
        "workflow.node.failed",
        "agent.message.appended",
        "workflow.run.cancelled",
    ]
    assert found[4]["errorMessage"] == "no paper"
    assert found[5]["message"]["content"] == "Hi"


def test_frames_outlive_the_server(own_server: Server):
    own_server.start()
    client = milepost.AsyncClient(own_server.url, "sockets")
    emit = streaming.StreamingService(client).emit_ingest_event

    async def work() -> list[dict[str, Any]]:
        found = []
        emit("sockets", "ingest.job.created", {"id": "again"})
        await client.flush()
        async for frame in client.frames(ingest="again"):
            found.append(frame)
            if len(found) in (2, 4):
                await asyncio.to_thread(own_server.kill)
                await asyncio.to_thread(own_server.start)
            if len(found) < 6:
                emit("sockets", "ingest.job.updated", {"id": "again", "stage": f"stage {len(found)}"})
            elif len(found) == 6:
                emit("sockets", "ingest.job.completed", {"id": "again"})
        return found

    first, *rest = asyncio.run(asyncio.wait_for(work(), 40))
    assert first["type"] == "snapshot"
    assert [frame["sequence"] for frame in rest] == list(
        range(first["sequence"] + 1, first["sequence"] + 1 + len(rest))
    )
    assert rest[-1]["type"] == "ingest.job.completed"
    asyncio.run(client.close())


def test_frames_of_a_project_and_of_nobody(server: Server):
    async def work() -> tuple[dict[str, Any], str]:
        client = milepost.AsyncClient(server.url, "sockets-2")
        emit = streaming.StreamingService(client).emit_agent_event
        frames_ = client.frames(types=["agent.message.appended"])
        assert (await anext(frames_))["type"] == "snapshot"
        emit("sockets-2", "agent.message.appended", {"run_id": "anybody", "content": "Hi"})
        told = await asyncio.wait_for(anext(frames_), 10)
        await frames_.aclose()
        with pytest.raises(milepost.Refused) as refused:
            await anext(client.frames(ingest="nobody"))
        assert refused.value.status == 404
        with pytest.raises(ValueError, match="one of"):
            client.frames(ingest="a", agent_run="b")
        return told, refused.value.code

    frame, code = asyncio.run(work())
    assert frame["message"]["content"] == "Hi"
    assert code == "run_not_found"


@pytest.mark.parametrize("subject", ["ingest.job", "agent.run", "workflow.run"])
@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_every_type_of_a_root(server: Server, client: milepost.Client, subject: str, end: str):
    emitter = streaming.StreamingService(client)
    kind = subject.partition(".")[0]
    emit = {"ingest": emitter.emit_ingest_event, "agent": emitter.emit_agent_event}.get(
        kind, emitter.emit_workflow_event
    )
    entity = {"id": f"sock-{subject}-{end}", "stage": "A"}
    for change in ("created", "updated", end):
        emit("sockets", f"{subject}.{change}", entity, "why" if change == "failed" else None)
    client.flush()
    found = told(frames(server, "sockets", kind, entity["id"]))
    assert (found[0], found[-1]) == (f"{subject}.created", f"{subject}.{end}")
    assert set(found[1:-1]) == {f"{subject}.updated"}


def test_events_are_delivered_within_a_tenth_of_a_second(server: Server, client: milepost.Client):
    emitter = streaming.StreamingService(client)
    emitter.emit_ingest_event("sockets", "ingest.job.created", {"id": "sock-fast", "status": "running"})
    client.flush()
    address = f"{server.url.replace('http', 'ws', 1)}/api/stream/projects/sockets/ingest/sock-fast"
    spent = []
    with connect(address) as socket:
        assert json.loads(socket.recv(10))["type"] == "snapshot"
        for number in range(21):
            began = time.perf_counter()
            emitter.emit_ingest_event("sockets", "ingest.job.updated", {"id": "sock-fast", "stage": f"stage {number}"})
            while json.loads(socket.recv(10))["job"]["stage"] != f"stage {number}":
                pass
            spent.append(time.perf_counter() - began)
    emitter.emit_ingest_event("sockets", "ingest.job.completed", {"id": "sock-fast"})
    # The server may hold progress back for 100 ms; what says more than progress is not held back at all.
    assert sorted(spent)[10] < 0.15, spent


def test_a_hundred_viewers_see_the_same(server: Server, client: milepost.Client):
    emitter = streaming.StreamingService(client)
    emitter.emit_agent_event("sockets", "agent.run.created", {"id": "sock-many", "status": "running"})
    client.flush()
    address = f"{server.url.replace('http', 'ws', 1)}/api/stream/projects/sockets/agent-runs/sock-many"
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(connect(address)) for _ in range(100)]
        for number in range(10):
            emitter.emit_agent_event("sockets", "agent.step.updated", {"id": f"s{number}", "run_id": "sock-many"})
        emitter.emit_agent_event("sockets", "agent.run.completed", {"id": "sock-many"})
        client.flush()
        seen = [[json.loads(text)["sequence"] for text in socket] for socket in sockets]
    assert all(sequences == seen[0] for sequences in seen)
    assert seen[0] == sorted(set(seen[0]))
