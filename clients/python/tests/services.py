"""Three services as they are written in code bases that had no streaming server: the emitting lines are theirs.

The rest is what such services have around them: models, a repository in memory, and work that takes no time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from app.services.streaming_service import (  # type: ignore[import-not-found]
    emit_agent_event,
    emit_ingest_event,
    emit_workflow_event,
)
from pydantic import BaseModel


class IngestJob(BaseModel):
    id: str
    project_id: str
    status: str = "PENDING"
    stage: str | None = None
    progress: float = 0.0
    source_path: str = "/data/chats.zip"
    error_message: str | None = None


class NodeState(BaseModel):
    run_id: str
    node_id: str
    status: str = "running"
    output: dict[str, Any] = {}


class AgentStep(BaseModel):
    id: str
    run_id: str
    name: str
    status: str = "completed"
    node_states: list[NodeState] = []


class AgentRun(BaseModel):
    id: str
    project_id: str
    status: str = "running"
    input_prompt: str = "find it"
    output: str | None = None


class WorkflowRun(BaseModel):
    id: str
    project_id: str
    workflow_id: str
    status: str = "running"


class IngestService:
    def __init__(self, job: IngestJob, fault: Exception | None = None) -> None:
        self.job, self.fault = job, fault

    def process_job(self, job_id: str) -> None:
        job = self.job
        # Emit job created event
        emit_ingest_event(job.project_id, "ingest.job.created", job)

        try:
            # Update stage
            self._update_stage(job_id, "PREPROCESSING")
            emit_ingest_event(job.project_id, "ingest.job.updated", job)

            # Process...
            self._update_progress(job_id, 0.5)
            emit_ingest_event(job.project_id, "ingest.job.updated", job)

            # Complete
            self._complete_job(job_id)
            emit_ingest_event(job.project_id, "ingest.job.completed", job)
        except Exception as e:
            self._fail_job(job_id, str(e))
            emit_ingest_event(job.project_id, "ingest.job.failed", job, error=str(e))

    def _update_stage(self, job_id: str, stage: str) -> None:
        self.job.status, self.job.stage = "RUNNING", stage

    def _update_progress(self, job_id: str, progress: float) -> None:
        self.job.progress = progress

    def _complete_job(self, job_id: str) -> None:
        if self.fault:
            raise self.fault
        self.job.status, self.job.progress = "COMPLETED", 1.0

    def _fail_job(self, job_id: str, message: str) -> None:
        self.job.status, self.job.error_message = "FAILED", message


class AgentService:
    def __init__(self, run: AgentRun, steps: list[AgentStep], fault: Exception | None = None) -> None:
        self.run, self.steps, self.fault = run, steps, fault

    async def execute_run(self, run_id: str) -> None:
        run = self.get_run(run_id)
        emit_agent_event(run.project_id, "agent.run.created", run)

        try:
            # Execute steps
            for step in self._execute_steps(run):
                self._save_step(step)
                emit_agent_event(run.project_id, "agent.step.updated", step)

                # Update node states
                for node_state in step.node_states:
                    emit_agent_event(run.project_id, "workflow.node_state.updated", node_state)

            # Complete
            self._complete_run(run_id)
            emit_agent_event(run.project_id, "agent.run.completed", run)
        except Exception as e:
            self._fail_run(run_id, str(e))
            emit_agent_event(run.project_id, "agent.run.failed", run, error=str(e))

    def get_run(self, run_id: str) -> AgentRun:
        return self.run

    def _execute_steps(self, run: AgentRun) -> Iterator[AgentStep]:
        yield from self.steps
        if self.fault:
            raise self.fault

    def _save_step(self, step: AgentStep) -> None:
        pass

    def _complete_run(self, run_id: str) -> None:
        self.run.status, self.run.output = "completed", "found"

    def _fail_run(self, run_id: str, message: str) -> None:
        self.run.status = "failed"


class Workflow:
    """Stands for a compiled graph: it streams what its nodes did."""

    async def astream_events(self, input_data: dict[str, Any], version: str) -> AsyncIterator[dict[str, Any]]:
        for node in ("plan", "write"):
            yield {"event": "on_chain_end", "name": node, "data": {"output": {**input_data, "node": node}}}


langgraph_workflow = Workflow()


class WorkflowService:
    def create_run(self, workflow_id: str, input_data: dict[str, Any]) -> WorkflowRun:
        self.run = WorkflowRun(id=f"run-of-{workflow_id}", project_id=input_data["project"], workflow_id=workflow_id)
        return self.run

    async def execute_workflow(self, workflow_id: str, input_data: dict[str, Any]) -> None:
        run = self.create_run(workflow_id, input_data)
        emit_workflow_event(run.project_id, "workflow.run.created", run)

        async for event in langgraph_workflow.astream_events(input_data, version="v1"):
            # Update node state
            node_state = self._update_node_state(run.id, event)
            emit_workflow_event(run.project_id, "workflow.node_state.updated", node_state)

        # Complete
        self._complete_run(run.id)
        emit_workflow_event(run.project_id, "workflow.run.completed", run)

    def _update_node_state(self, run_id: str, event: dict[str, Any]) -> dict[str, Any]:
        return {"nodeState": {"run_id": run_id, "node_id": event["name"], "state": event["data"]["output"]}}

    def _complete_run(self, run_id: str) -> None:
        self.run.status = "completed"
