"""The emitters, checked through the native log of the server."""

from __future__ import annotations

import asyncio
import importlib
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import milepost
from milepost import streaming as streaming_service

from .conftest import log_of


@pytest.fixture
def services(client: milepost.Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """The services, which import the emitters from where they used to have their own."""
    for name in ("app", "app.services"):
        package = types.ModuleType(name)
        package.__path__ = []
        monkeypatch.setitem(sys.modules, name, package)
    monkeypatch.setitem(sys.modules, "app.services.streaming_service", streaming_service)
    monkeypatch.delitem(sys.modules, "tests.services", raising=False)
    streaming_service.configure(client)
    yield importlib.import_module("tests.services")
    streaming_service.configure(None)


@pytest.fixture
def emitter(client: milepost.Client) -> streaming_service.StreamingService:
    return streaming_service.StreamingService(client)


def told(client: milepost.Client, project: str, run: str) -> list[str]:
    """The log in short: type, and the member that matters."""
    client.flush()
    events = log_of(client.for_project(project), run)
    return [event.type for event in events]


def info(client: milepost.Client, project: str, run: str) -> milepost.RunInfo:
    return client.for_project(project).snapshot(run)["runs"][0]


def test_the_ingest_service_as_it_is_written(client: milepost.Client, services: Any):
    job = services.IngestJob(id="job-1", project_id="proj-ingest")
    services.IngestService(job).process_job(job.id)
    assert told(client, "proj-ingest", "job-1") == [
        "run.created",
        "run.started",
        "run.progressed",
        "run.progressed",
        "run.progressed",
        "run.completed",
    ]
    shown = info(client, "proj-ingest", "job-1")
    assert (shown["kind"], shown["state"], shown["stage"]) == ("ingest", "completed", "PREPROCESSING")
    assert shown["metadata"] == {"source_path": "/data/chats.zip"}
    progress = [
        event.data for event in log_of(client.for_project("proj-ingest"), "job-1") if "progressed" in event.type
    ]
    assert [report["current"] for report in progress] == [0, 0.5, 1]


def test_the_ingest_service_that_fails(client: milepost.Client, services: Any):
    job = services.IngestJob(id="job-2", project_id="proj-ingest")
    services.IngestService(job, OSError("disk full")).process_job(job.id)
    assert told(client, "proj-ingest", "job-2")[-1] == "run.failed"
    error = info(client, "proj-ingest", "job-2")["error"]
    assert error is not None
    assert error["message"] == "disk full"


def test_the_agent_service_as_it_is_written(client: milepost.Client, services: Any):
    run = services.AgentRun(id="agent-1", project_id="proj-agent")
    state = services.NodeState(run_id=run.id, node_id="search", output={"hits": 3})
    steps = [
        services.AgentStep(id="s1", run_id=run.id, name="search", status="running", node_states=[state]),
        services.AgentStep(id="s1", run_id=run.id, name="search"),
        services.AgentStep(id="s2", run_id=run.id, name="answer"),
    ]
    asyncio.run(services.AgentService(run, steps).execute_run(run.id))
    client.flush()
    events = [(event.run, event.type) for event in log_of(client.for_project("proj-agent"), run.id)]
    assert events == [
        ("agent-1", "run.created"),
        ("agent-1", "run.started"),
        ("agent-1.s1", "run.created"),
        ("agent-1.s1", "run.started"),
        ("agent-1.s1", "state.updated"),
        ("agent-1.s1", "run.completed"),
        ("agent-1.s2", "run.created"),
        ("agent-1.s2", "run.started"),
        ("agent-1.s2", "run.completed"),
        ("agent-1", "run.completed"),
    ]
    snapshot = client.for_project("proj-agent").snapshot(run.id)
    root, first, second = snapshot["runs"]
    assert (root["result"], root["metadata"]) == ("found", {"input_prompt": "find it"})
    assert (first["name"], first["kind"], first["values"]) == ("search", "step", {"hits": 3})
    assert second["state"] == "completed"


def test_the_agent_service_that_fails(client: milepost.Client, services: Any):
    run = services.AgentRun(id="agent-2", project_id="proj-agent")
    step = services.AgentStep(id="s1", run_id=run.id, name="search", status="running")
    asyncio.run(services.AgentService(run, [step], RuntimeError("no model")).execute_run(run.id))
    assert told(client, "proj-agent", "agent-2")[-2:] == ["run.cancelled", "run.failed"]


def test_the_workflow_service_as_it_is_written(client: milepost.Client, services: Any):
    asyncio.run(services.WorkflowService().execute_workflow("w7", {"project": "proj-flow", "topic": "x"}))
    name = "run-of-w7"
    assert told(client, "proj-flow", name) == [
        "run.created",
        "run.started",
        "state.updated",
        "state.updated",
        "run.completed",
    ]
    shown = info(client, "proj-flow", name)
    assert shown["values"] == {node: {"project": "proj-flow", "topic": "x", "node": node} for node in ("plan", "write")}


def test_nodes_of_a_workflow(client: milepost.Client, emitter: streaming_service.StreamingService):
    emit = emitter.emit_workflow_event
    emit("p", "workflow.run.created", {"id": "flow-1", "name": "Flow"})
    emit("p", "workflow.node.started", {"node": {"id": "plan", "run_id": "flow-1", "name": "Plan"}})
    emit("p", "workflow.node_state.updated", {"run_id": "flow-1", "node_id": "plan", "key": "k", "value": [1]})
    emit("p", "workflow.node_state.updated", {"run_id": "flow-1", "node_id": "plan", "state": {"a/b": 1, "c": 2}})
    emit("p", "workflow.node.completed", {"node": {"id": "plan", "run_id": "flow-1"}})
    emit("p", "workflow.node.started", {"node": {"id": "write", "run_id": "flow-1"}})
    emit("p", "workflow.node.failed", {"node": {"id": "write", "run_id": "flow-1"}}, error="no paper")
    emit("p", "workflow.run.failed", {"id": "flow-1"}, error="a node failed")
    client.flush()
    root, plan, write = client.for_project("p").snapshot("flow-1")["runs"]
    assert (root["state"], root["error"]) == ("failed", {"code": "failed", "message": "a node failed"})
    assert (plan["kind"], plan["name"], plan["state"]) == ("node", "Plan", "completed")
    assert plan["values"] == {"k": [1], "a/b": 1, "c": 2}
    assert (write["state"], write["error"]) == ("failed", {"code": "failed", "message": "no paper"})


def test_messages_and_cancellation(client: milepost.Client, emitter: streaming_service.StreamingService):
    emit = emitter.emit_agent_event
    emit("p", "agent.run.created", {"id": "talk-1"})
    emit(
        "p", "agent.message.appended", {"id": "m", "run_id": "talk-1", "role": "user", "content": "Hel", "final": False}
    )
    emit("p", "agent.message.appended", {"id": "m", "run_id": "talk-1", "content": "lo"})
    emit("p", "agent.run.updated", {"id": "talk-1", "status": "waiting", "message": "for you"})
    emit("p", "agent.run.updated", {"id": "talk-1", "status": "running", "stage": "Answering"})
    emit("p", "agent.run.cancelled", {"id": "talk-1"}, error="no interest")
    assert told(client, "p", "talk-1") == [
        "run.created",
        "run.started",
        "message.appended",
        "message.appended",
        "run.progressed",
        "run.waiting",
        "run.progressed",
        "run.resumed",
        "run.cancelled",
    ]
    messages = client.for_project("p").snapshot("talk-1")["messages"]
    assert [(message["role"], message["content"], message["final"]) for message in messages] == [
        ("user", "Hello", True)
    ]


def test_every_root_type_of_every_kind(client: milepost.Client, emitter: streaming_service.StreamingService):
    kinds = {"ingest.job": emitter.emit_ingest_event, "agent.run": emitter.emit_agent_event}
    kinds["workflow.run"] = emitter.emit_workflow_event
    for subject, emit in kinds.items():
        for end in ("completed", "failed", "cancelled"):
            entity = {"id": f"{subject}-{end}", "progress": 0.25}
            emit("every", f"{subject}.created", entity)
            emit("every", f"{subject}.updated", entity)
            emit("every", f"{subject}.{end}", entity)
    client.flush()
    for subject in kinds:
        for end in ("completed", "failed", "cancelled"):
            shown = info(client, "every", f"{subject}-{end}")
            assert (shown["kind"], shown["state"]) == (subject.partition(".")[0], end)
            assert shown["progress"]["current"] == 0.25


def test_dataclasses_and_plain_objects(client: milepost.Client, emitter: streaming_service.StreamingService):
    @dataclass
    class Job:
        id: int
        status: str = "running"
        stage: str = "Reading"
        rows: int = 3

    class Plain:
        def __init__(self) -> None:
            self.id, self.stage, self._secret, self.extra = "plain-1", "Reading", "s", 1

    emitter.emit_ingest_event("p", "ingest.job.created", Job(7))
    emitter.emit_ingest_event("p", "ingest.job.completed", Job(7))
    emitter.emit_ingest_event("p", "ingest.job.created", Plain())
    emitter.emit_ingest_event("p", "ingest.job.completed", Plain())
    client.flush()
    assert info(client, "p", "7")["metadata"] == {"rows": 3}
    assert info(client, "p", "plain-1")["metadata"] == {"extra": 1}
    assert info(client, "p", "plain-1")["stage"] == "Reading"


def test_nonsense_is_dropped_without_a_word_to_the_caller(emitter: streaming_service.StreamingService):
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("broken")

    nonsense: tuple[Any, ...] = (None, 7, "text", [], Broken(), {}, {"id": object()}, {"run": None})
    for entity in nonsense:
        emitter.emit_ingest_event("p", "ingest.job.created", entity)
        emitter.emit_agent_event("p", "agent.step.updated", entity)
        emitter.emit_workflow_event("p", "workflow.node_state.updated", entity)
        emitter.emit_workflow_event("p", "nonsense", entity)


def test_one_process_begins_and_another_goes_on(client: milepost.Client):
    first, second = streaming_service.StreamingService(client), streaming_service.StreamingService(client)
    first.emit_ingest_event("p", "ingest.job.created", {"id": "shared-1"})
    first.emit_ingest_event("p", "ingest.job.updated", {"id": "shared-1", "stage": "A"})
    client.flush()
    second.emit_ingest_event("p", "ingest.job.updated", {"id": "shared-1", "stage": "B"})
    second.emit_ingest_event("p", "ingest.job.completed", {"id": "shared-1"})
    client.flush()
    shown = info(client, "p", "shared-1")
    assert (shown["state"], shown["stage"], shown["attempt"]) == ("completed", "B", 1)
