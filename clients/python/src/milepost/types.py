"""The shapes of the protocol, as docs/protocol.md has them. What is absent in a run is None."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

RunState = Literal["queued", "running", "waiting", "completed", "failed", "cancelled"]
AuditState = Literal["not_started", "in_progress", "completed"]

#: The states that are final, but for audits.
TERMINAL: frozenset[str] = frozenset({"completed", "failed", "cancelled"})

#: The types of events; others begin with ``x.``.
EventType = Literal[
    "run.created",
    "run.started",
    "run.progressed",
    "run.waiting",
    "run.resumed",
    "run.stalled",
    "run.recovered",
    "run.cancel_requested",
    "run.completed",
    "run.failed",
    "run.cancelled",
    "run.audit_started",
    "run.audited",
    "artifact.pending",
    "artifact.appended",
    "artifact.ready",
    "artifact.failed",
    "message.appended",
    "state.updated",
]


@dataclass(frozen=True)
class Event:
    """Something that happened to a run."""

    seq: int
    stream: str
    run: str
    #: One of :data:`EventType`, or a type of your own.
    type: str
    time: str
    id: str
    data: dict[str, Any] = field(default_factory=dict)
    #: The first of the sequences before it that were left out because they were superseded progress.
    coalesced_from: int | None = None
    #: Where the viewer stands after it.
    cursor: str | None = None

    @classmethod
    def of(cls, frame: dict[str, Any], cursor: str | None = None) -> Event:
        """The event of a frame; members that are not known are ignored."""
        return cls(
            seq=int(frame["seq"]),
            stream=frame["stream"],
            run=frame["run"],
            type=frame["type"],
            time=frame["time"],
            id=frame["id"],
            data=frame.get("data") or {},
            coalesced_from=(frame.get("coalesced") or {}).get("from"),
            cursor=cursor,
        )


class Progress(TypedDict):
    """How far a run is."""

    fraction: float | None
    current: float | None
    total: float | None
    unit: str | None
    eta_ms: int | None


class _ErrorBase(TypedDict):
    code: str
    message: str | None


class ErrorInfo(_ErrorBase, total=False):
    """Why something failed."""

    details: Any


class Cancel(TypedDict):
    """A request to cancel, and what became of it."""

    by: str | None
    reason: str | None
    requested_at: str
    deadline: str
    acknowledged: bool | None


class _RunBase(TypedDict):
    id: str
    stream: str
    project: str
    parent: str | None
    kind: str
    name: str | None
    state: RunState
    stalled: bool
    attempt: int
    weight: float
    stage: str | None
    message: str | None
    progress: Progress
    error: ErrorInfo | None
    result: Any
    cancel: Cancel | None
    audit: AuditState
    verdict: str | None
    values: dict[str, Any]
    metadata: dict[str, Any] | None
    lease_expires_at: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    updated_at: str
    created_seq: int
    expected_children: int
    lease_seconds: int | None
    claimed: bool


class RunInfo(_RunBase, total=False):
    """A run as it is shown."""

    cleared: bool


class _ArtifactBase(TypedDict):
    artifact: str
    run: str
    artifact_type: str | None
    name: str | None
    state: Literal["pending", "ready", "failed"]
    media_type: str | None
    size: int | None
    sha256: str | None
    url: str | None


class Artifact(_ArtifactBase, total=False):
    """An artifact as it is shown."""

    text: str
    text_omitted_bytes: int
    error: ErrorInfo


#: A message as it is shown: ``message, run, role, content, final`` and, where it was cut, ``omitted_bytes``.
Message = dict[str, Any]


class Snapshot(TypedDict):
    """A tree of runs, or a part of one, as it stands."""

    stream: str
    project: str
    seq: int
    cursor: str
    state: RunState
    progress: Progress
    runs: list[RunInfo]
    artifacts: list[Artifact]
    messages: list[Message]
    messages_omitted: int
    time: str


class RunsPage(TypedDict):
    """A page of runs."""

    runs: list[RunInfo]
    next_page: str | None


class Claimed(TypedDict):
    """A run that was claimed."""

    run: RunInfo
    stream: str
    cursor: str
    lease: str
    lease_expires_at: str
