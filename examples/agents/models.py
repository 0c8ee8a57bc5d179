"""The entities of the three services, as an application has them anyway. Milepost knows nothing of these classes."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

from pydantic import BaseModel, Field


def new_id(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def now() -> datetime:
    return datetime.now(timezone.utc)


class Tracked(BaseModel):
    """What jobs and runs have in common."""

    id: str
    project_id: str
    status: str = "queued"
    stage: str | None = None
    message: str | None = None
    current: int | None = None
    total: int | None = None
    unit: str | None = None
    created_at: datetime = Field(default_factory=now)


class IngestJob(Tracked):
    """A document on its way into the index."""

    id: str = Field(default_factory=lambda: new_id("job"))
    name: str


class AgentNodeState(BaseModel):
    """Something that a step of an agent found out."""

    run_id: str
    node_id: str
    key: str
    value: Any


class AgentStep(BaseModel):
    id: str = Field(default_factory=lambda: new_id("step"))
    run_id: str
    name: str
    status: str = "running"
    message: str | None = None
    node_states: list[AgentNodeState] = []


class AgentMessage(BaseModel):
    id: str = Field(default_factory=lambda: new_id("message"))
    run_id: str
    role: str = "assistant"
    content: str
    final: bool = True


class AgentRun(Tracked):
    """A question and, in the end, its answer."""

    id: str = Field(default_factory=lambda: new_id("agent"))
    question: str
    answer: str | None = None


class WorkflowRun(Tracked):
    id: str = Field(default_factory=lambda: new_id("workflow"))
    workflow_id: str
    output: dict[str, Any] | None = None
