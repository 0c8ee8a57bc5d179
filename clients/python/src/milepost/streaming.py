"""Events of services, as they have them: ``emit_ingest_event``, ``emit_agent_event``, ``emit_workflow_event``.

They take pydantic models, dataclasses, any objects with attributes, and dicts, return at once, never raise, and work from
sync and async code alike. What they say becomes runs of kind ``ingest``, ``agent`` and ``workflow`` with children of kind
``step`` and ``node``, which the project's WebSocket shows as the same events again.

The module can be used as the service: ``from milepost import streaming as streaming_service``.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import Any, Literal

from ._entity import Entity
from ._ids import as_id
from .client import AsyncClient, Client
from .run import Run

__all__ = ["StreamingService", "configure", "emit_agent_event", "emit_ingest_event", "emit_workflow_event", "flush"]

_log = logging.getLogger("milepost")

#: Runs that a service remembers. One that was forgotten is joined again by its id.
_REMEMBERED = 10_000

#: The kinds of the runs that the first words of event types stand for.
_ROOTS = {"ingest.job": "ingest", "agent.run": "agent", "workflow.run": "workflow"}

_QUEUED = frozenset({"queued", "pending", "created", "scheduled", "submitted"})
_WAITING = frozenset({"waiting", "paused", "blocked", "interrupted", "waiting_for_input"})
_COMPLETED = frozenset({"completed", "complete", "succeeded", "success", "done", "finished"})
_FAILED = frozenset({"failed", "failure", "error", "errored", "timeout"})
_CANCELLED = frozenset({"cancelled", "canceled", "skipped", "aborted"})

_SHOWN = ("stage", "message", "current", "total", "unit")


class _Known:
    """A run that events were emitted about."""

    def __init__(self, run: Run, *, started: bool) -> None:
        self.run, self.started = run, started
        self.children: dict[str, _Known] = {}
        self._told: dict[str, object] = {}

    def start(self) -> None:
        if not self.started:
            self.started = True
            self.run.started()

    def report(self, entity: Entity, *, last: bool = False) -> None:
        """Tells a change of the stage or of the message by itself; what only counts may be superseded, but by the last."""
        report = {name: entity.get(name) for name in _SHOWN}
        fraction = entity.get("progress", "fraction", "percent_done")
        if report["current"] is None and isinstance(fraction, (int, float)):
            report["current"], report["total"] = fraction, 1
        news = {name: value for name, value in report.items() if value is not None and value != self._told.get(name)}
        self._told.update(news)
        if "stage" in news or "message" in news or (last and news):
            self.run.milestone(**report)
        elif not last and any(value is not None for value in report.values()):
            self.run.progress(**report)

    def become(self, status: str, entity: Entity, error: str | None) -> None:
        """Brings the run where the status says that it is."""
        if status in _QUEUED:
            return
        self.start()
        self.report(entity, last=status in _COMPLETED | _FAILED | _CANCELLED)
        if status in _COMPLETED:
            self.run.complete(entity.get("result", "output", "output_data"))
        elif status in _FAILED:
            self.run.fail(*entity.error(error))
        elif status in _CANCELLED:
            self.run.cancel_acknowledge(error or entity.get("error", "error_message"))
        elif status in _WAITING:
            self.run.waiting(entity.get("message", "stage"))
        else:
            self.run.resumed()


class StreamingService:
    """Emits the events of services to the projects of one server."""

    def __init__(self, client: Client | AsyncClient | None = None) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()

    @property
    def client(self) -> Client | AsyncClient:
        """Its client; that of the environment where none was given."""
        if self._client is None:
            self._client = Client()
        return self._client

    def emit_ingest_event(self, project_id: object, event_type: str, job: object, error: str | None = None) -> None:
        """``ingest.job.created|updated|completed|failed|cancelled`` with the job."""
        self._emit(project_id, event_type, job, error)

    def emit_agent_event(self, project_id: object, event_type: str, data: object, error: str | None = None) -> None:
        """``agent.run.*`` with the run, ``agent.step.updated`` with a step, ``agent.message.appended`` with a message,
        ``workflow.node_state.updated`` with the state of a node. All but the run name theirs in ``run_id``."""
        self._emit(project_id, event_type, data, error)

    def emit_workflow_event(self, project_id: object, event_type: str, data: object, error: str | None = None) -> None:
        """``workflow.run.*`` with the run, ``workflow.node.started|completed|failed`` with a node, and
        ``workflow.node_state.updated``; a dict may have its payload under ``run``, ``node`` or ``nodeState``."""
        self._emit(project_id, event_type, data, error)

    def flush(self, timeout: float | None = 10.0) -> bool:
        """Blocks until everything emitted so far is at the server; False when the time ran out."""
        return Client(self.client.url, None, self.client._token).flush(timeout)

    def _emit(self, project_id: object, event_type: str, data: object, error: str | None) -> None:
        # Streaming is beside the work: whatever is wrong with it must not hurt the work.
        try:
            with self._lock:
                self._map(as_id(project_id), str(event_type), Entity(data), error)
        except Exception:
            _log.exception("the event %r could not be emitted", event_type)

    def _map(self, project: str, event_type: str, entity: Entity, error: str | None) -> None:
        subject, _, change = event_type.rpartition(".")
        if subject in _ROOTS:
            self._root_changed(project, _ROOTS[subject], change, entity, error)
        elif subject in ("agent.step", "workflow.node"):
            self._part_changed(project, subject.rpartition(".")[2], change, entity, error)
        elif event_type == "agent.message.appended":
            self._message(project, entity)
        elif event_type == "workflow.node_state.updated":
            self._node_state(project, entity)
        else:
            run = self._owner(project, entity, "workflow") or self._find(project, entity.id())
            if run is None:
                _log.warning("the event %r names no run that is known, and is dropped", event_type)
                return
            run.run.event(f"x.{event_type}", entity.source)

    # -- what the types mean -------------------------------------------------------------------------------------------

    def _root_changed(self, project: str, kind: str, change: str, entity: Entity, error: str | None) -> None:
        name = entity.id()
        if name is None:
            _log.warning("an event of a run without an id is dropped")
            return
        known = self._root(project, as_id(name), kind, entity)
        status = entity.status() if change in ("created", "updated") else change
        if change == "updated" and status in _COMPLETED | _FAILED | _CANCELLED | _QUEUED:
            status = "running"  # the event that ends it is yet to come
        elif change == "created" and status in _COMPLETED | _FAILED | _CANCELLED | {""}:
            status = "queued"
        known.become(status, entity, error)
        if change in ("completed", "failed", "cancelled"):
            del self._known[project, as_id(name)]

    def _part_changed(self, project: str, kind: str, change: str, entity: Entity, error: str | None) -> None:
        owner = self._owner(project, entity, "agent" if kind == "step" else "workflow")
        if owner is None:
            _log.warning("an event of a %s names no run, and is dropped", kind)
            return
        status = entity.status() if change == "updated" else "running" if change == "started" else change
        owner.start()
        known = self._part(owner, kind, entity, queued=status in _QUEUED)
        known.become("failed" if error and status not in _CANCELLED else status or "running", entity, error)

    def _message(self, project: str, entity: Entity) -> None:
        owner = self._owner(project, entity, "agent")
        if owner is None:
            _log.warning("a message names no run, and is dropped")
            return
        owner.start()
        final = entity.get("final", "is_final")
        owner.run.message(
            entity.get("content", "text") or "",
            role=entity.get("role"),
            message=entity.id(),
            final=True if final is None else bool(final),
        )

    def _node_state(self, project: str, entity: Entity) -> None:
        owner = self._owner(project, entity, "workflow")
        if owner is None:
            _log.warning("the state of a node names no run, and is dropped")
            return
        owner.start()
        names = [entity.get(name) for name in ("node_id", "node", "node_name", "step_id", "name")]
        nodes = [str(name) for name in names if name is not None]
        part = next((owner.children[node] for node in nodes if node in owner.children), None)
        key, value = entity.value()
        if (
            part is None and nodes
        ):  # a node that was not said to be there: its values stand with the run, under its name
            owner.run.state(nodes[0] if key is None else f"{nodes[0]}.{key}", value)
        elif key is not None:
            (part or owner).run.state(key, value)
        else:
            members = [(str(name).replace("~", "~0").replace("/", "~1"), member) for name, member in value.items()]
            changes = [{"op": "add", "path": f"/{name}", "value": member} for name, member in members]
            (part or owner).run.patch_state(changes)

    # -- the runs ------------------------------------------------------------------------------------------------------

    def _root(self, project: str, run: str, kind: str, entity: Entity | None) -> _Known:
        """The run, known here or not. One of another process is joined by its id."""
        known = self._find(project, run)
        if known is None:
            client = self.client.for_project(project)
            name = entity.get("name", "title") if entity else None
            metadata = entity.metadata() if entity else None
            handle = client.run(kind, run, name, metadata, lease_seconds=None, state="queued")
            known = self._known[project, run] = _Known(handle, started=False)
            if len(self._known) > _REMEMBERED:
                _, oldest = self._known.popitem(last=False)
                oldest.run.detach()
        return known

    def _find(self, project: str, run: object) -> _Known | None:
        key = (project, as_id(run))
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
        return known

    def _owner(self, project: str, entity: Entity, kind: str) -> _Known | None:
        run = entity.get("run_id", "runId", "workflow_run_id", "agent_run_id", "job_id")
        if run is None:
            return None
        return self._find(project, run) or self._root(project, as_id(run), kind, None)

    def _part(self, owner: _Known, kind: str, entity: Entity, *, queued: bool) -> _Known:
        own = entity.id() or entity.get("node_id", "step_id", "name")
        name = entity.get("name", "node_name", "node_id", "title") or own
        known = owner.children.get(str(own))
        if known is None:
            state: Literal["queued", "running"] = "queued" if queued else "running"
            run = owner.run.child(kind, name, _part_id(owner.run.id, own), metadata=entity.metadata(), state=state)
            known = owner.children[str(own)] = _Known(run, started=not queued)
            owner.children.setdefault(str(name), known)
        return known


def _part_id(owner: str, own: object) -> str | None:
    """Ids of runs are unique in a project, those of steps often only in their run: a short one is put behind the run's."""
    if own is None:
        return None
    text = as_id(own)
    return text if len(text) >= 20 or text.startswith(f"{owner}.") else as_id(f"{owner}.{text}")


_service = StreamingService()


def configure(client: Client | AsyncClient | None = None, **options: Any) -> None:
    """Which server the functions of this module emit to: a client, or its ``url`` and ``token``; else the environment's."""
    _service._client = client or (Client(**options) if options else None)


emit_ingest_event = _service.emit_ingest_event
emit_agent_event = _service.emit_agent_event
emit_workflow_event = _service.emit_workflow_event
flush = _service.flush
