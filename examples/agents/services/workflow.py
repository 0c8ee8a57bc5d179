"""A LangGraph workflow, reported from LangGraph's own event stream, as a service without a handler would do it.

`graphs.py` does the same with `milepost.langgraph` in two lines, and sees more: failures and retries of nodes are not in
this stream at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from models import WorkflowRun

from milepost.streaming import emit_workflow_event


class WorkflowService:
    def __init__(self, workflows: Mapping[str, Any]) -> None:
        self.runs: dict[str, WorkflowRun] = {}
        self._workflows = workflows

    def create_run(self, project_id: str, workflow_id: str) -> WorkflowRun:
        run = WorkflowRun(project_id=project_id, workflow_id=workflow_id)
        self.runs[run.id] = run
        return run

    async def execute_workflow(self, run_id: str, input_data: dict[str, Any]) -> None:
        run = self.runs[run_id]
        emit_workflow_event(run.project_id, "workflow.run.created", run)
        run.status = "running"
        emit_workflow_event(run.project_id, "workflow.run.updated", run)

        try:
            workflow = self._workflows[run.workflow_id]
            async for event in workflow.astream_events(input_data, version="v2"):
                node = event["metadata"].get("langgraph_node")
                if node is None or event["name"] != node:
                    if event["event"] == "on_chain_end" and not event["parent_ids"]:
                        run.output = event["data"]["output"]
                    continue
                about = {"run_id": run.id, "node_id": event["run_id"], "name": node}
                if event["event"] == "on_chain_start":
                    emit_workflow_event(run.project_id, "workflow.node.started", {"node": about})
                elif event["event"] == "on_chain_end":
                    node_state = self._update_node_state(about, event["data"]["output"])
                    emit_workflow_event(run.project_id, "workflow.node_state.updated", {"nodeState": node_state})
                    emit_workflow_event(run.project_id, "workflow.node.completed", {"node": about})

            self._complete_run(run_id)
            emit_workflow_event(run.project_id, "workflow.run.completed", run)
        except asyncio.CancelledError:
            run.status = "cancelled"
            emit_workflow_event(run.project_id, "workflow.run.cancelled", run)
            raise
        except Exception as e:
            run.status, run.message = "failed", str(e)
            emit_workflow_event(run.project_id, "workflow.run.failed", run, error=str(e))

    def _update_node_state(self, about: dict[str, Any], output: Any) -> dict[str, Any]:
        return {**about, "key": "output", "value": output}

    def _complete_run(self, run_id: str) -> None:
        self.runs[run_id].status = "completed"
