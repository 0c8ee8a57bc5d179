"""An agent that answers questions from the index, in steps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from library import Library, words
from models import AgentMessage, AgentNodeState, AgentRun, AgentStep

from milepost.streaming import emit_agent_event


class AgentService:
    def __init__(self, libraries: Mapping[str, Library]) -> None:
        self.runs: dict[str, AgentRun] = {}
        self.steps: dict[str, list[AgentStep]] = {}
        self._libraries = libraries

    def create_run(self, project_id: str, question: str) -> AgentRun:
        run = AgentRun(project_id=project_id, question=question)
        self.runs[run.id], self.steps[run.id] = run, []
        return run

    def get_run(self, run_id: str) -> AgentRun:
        return self.runs[run_id]

    async def execute_run(self, run_id: str) -> None:
        run = self.get_run(run_id)
        emit_agent_event(run.project_id, "agent.run.created", run)

        try:
            async for step in self._execute_steps(run):
                self._save_step(step)
                emit_agent_event(run.project_id, "agent.step.updated", step)

                for node_state in step.node_states:
                    emit_agent_event(run.project_id, "workflow.node_state.updated", node_state)

            message = AgentMessage(run_id=run.id, content=run.answer or "")
            emit_agent_event(run.project_id, "agent.message.appended", message)
            self._complete_run(run_id)
            emit_agent_event(run.project_id, "agent.run.completed", run)
        except asyncio.CancelledError:
            run.status = "cancelled"
            emit_agent_event(run.project_id, "agent.run.cancelled", run)
            raise
        except Exception as e:
            self._fail_run(run_id, str(e))
            emit_agent_event(run.project_id, "agent.run.failed", run, error=str(e))

    async def _execute_steps(self, run: AgentRun) -> AsyncIterator[AgentStep]:
        """Each step is seen when it begins, when it has found something, and when it is over."""
        run.status = "running"
        emit_agent_event(run.project_id, "agent.run.updated", run)
        library = self._libraries[run.project_id]
        found: list[tuple[float, str]] = []
        for name in ("understand", "search", "answer"):
            step = AgentStep(run_id=run.id, name=name)
            yield step
            await asyncio.sleep(0)  # others have a turn; a real agent asks a model here
            if name == "understand":
                self._note(step, "keywords", sorted(set(words(run.question))))
            elif name == "search":
                found = library.search(run.question)
                self._note(step, "passages", [{"score": score, "text": text} for score, text in found])
                if not found:
                    raise LookupError("nothing in the library answers this")
            else:
                run.answer = found[0][1]
            yield step
            step.node_states, step.status = [], "completed"
            yield step

    def _note(self, step: AgentStep, key: str, value: Any) -> None:
        step.node_states = [AgentNodeState(run_id=step.run_id, node_id=step.id, key=key, value=value)]

    def _save_step(self, step: AgentStep) -> None:
        if step not in self.steps[step.run_id]:
            self.steps[step.run_id].append(step)

    def _complete_run(self, run_id: str) -> None:
        self.runs[run_id].status = "completed"

    def _fail_run(self, run_id: str, reason: str) -> None:
        run = self.runs[run_id]
        run.status, run.message = "failed", reason
