"""The fold: how events change what a viewer shows. The same as the server's, event by event."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import Any, cast

from ._patch import PatchError, patched
from ._token import parse_time
from .types import TERMINAL, Event, Snapshot

_MESSAGES_KEPT = 1_000
_TEXT_KEPT_BYTES = 65_536
_PARENT_ENDED = "parent_ended"
_REPORTED = ("stage", "message", "current", "total", "unit")

#: Where events that say a run's state lead to.
_ENDS = {"run.completed": "completed", "run.failed": "failed", "run.cancelled": "cancelled"}


class Fold:
    """The state of a stream, or of a part of one, as the events so far have made it."""

    def __init__(self, snapshot: Snapshot | None = None, *, project: str = "default", epoch: str = "") -> None:
        self.seq = 0
        self.epoch = epoch
        self._project, self._stream = project, ""
        self._runs: dict[str, dict[str, Any]] = {}
        self._children: dict[str, list[str]] = {}
        self._artifacts: dict[tuple[str, str], dict[str, Any]] = {}
        self._messages: dict[tuple[str, str], dict[str, Any]] = {}
        self._messages_omitted = 0
        if snapshot is not None:
            self._restore(copy.deepcopy(cast("dict[str, Any]", snapshot)))

    def _restore(self, snapshot: dict[str, Any]) -> None:
        self.seq = snapshot["seq"]
        self.epoch = str(snapshot["cursor"]).rpartition("-")[0]
        self._project, self._stream = snapshot["project"], snapshot["stream"]
        for run in snapshot["runs"]:
            self._insert(run)
        self._artifacts = {(artifact["run"], artifact["artifact"]): artifact for artifact in snapshot["artifacts"]}
        self._messages = {(message["run"], message["message"]): message for message in snapshot["messages"]}
        self._messages_omitted = snapshot.get("messages_omitted", 0)

    def _insert(self, run: dict[str, Any]) -> None:
        self._runs[run["id"]] = run
        self._children.setdefault(run["parent"] or "", []).append(run["id"])

    @property
    def cursor(self) -> str:
        """Where it stands."""
        return f"{self.epoch}-{self.seq}" if self.epoch else str(self.seq)

    def run(self, run: str) -> dict[str, Any] | None:
        """A run as it stands; None where there is none. Not yours to change."""
        return self._runs.get(run)

    def snapshot(self) -> Snapshot | None:
        """Everything as it stands; None before the first event. Yours to keep."""
        if not self._runs:
            return None
        top = next(iter(self._runs.values()))
        return copy.deepcopy(
            cast(
                "Snapshot",
                {
                    "stream": self._stream,
                    "project": self._project,
                    "seq": self.seq,
                    "cursor": self.cursor,
                    "state": top["state"],
                    "progress": top["progress"],
                    "runs": list(self._runs.values()),
                    "artifacts": list(self._artifacts.values()),
                    "messages": list(self._messages.values()),
                    "messages_omitted": self._messages_omitted,
                    "time": max(run["updated_at"] for run in self._runs.values()),
                },
            )
        )

    def apply(self, event: Event) -> None:
        """Applies one event. One of a run that is not here moves the sequence and nothing else."""
        self.seq = event.seq
        if event.type == "run.created" and event.run not in self._runs:
            self._stream = event.stream
            self._insert(_created(event, self._project))
        run = self._runs.get(event.run)
        if run is None:
            return
        run["updated_at"] = event.time
        family, _, _ = event.type.partition(".")
        if family == "run":
            _change_run(run, event)
        elif family == "artifact":
            self._change_artifact(event)
        elif family == "message":
            self._append_message(event)
        elif family == "state":
            _update_values(run, event.data)
        self._roll_up_from(run, event)

    def _roll_up_from(self, first: dict[str, Any], event: Event) -> None:
        """Brings the fractions of a run and of those above it up to date."""
        if event.type == "run.cancelled" and event.data.get("reason") == _PARENT_ENDED:
            return  # what is closed because the one above it ends does not move that one
        run: dict[str, Any] | None = first
        while run is not None:
            over = run["state"] in TERMINAL
            if not over and run["cancel"] is None:
                progress = run["progress"]
                fraction = _furthest([progress["fraction"], _reported(progress), self._roll_up(run)])
                moved = fraction != progress["fraction"]
                if moved or event.type == "run.progressed":
                    progress["eta_ms"] = _time_to_go(run["started_at"], fraction, event.time)
                progress["fraction"] = fraction
            run = self._runs.get(run["parent"] or "")

    def _roll_up(self, run: dict[str, Any]) -> float | None:
        children = self._children.get(run["id"], [])
        weight = done = 0.0
        for child in map(self._runs.__getitem__, children):
            share = 1.0 if child["state"] in TERMINAL else child["progress"]["fraction"] or 0.0
            weight += child["weight"]
            done += child["weight"] * share
        weight += max(run["expected_children"] - len(children), 0)
        return min(max(done / weight, 0.0), 1.0) if weight > 0 else None

    def _change_artifact(self, event: Event) -> None:
        data = event.data
        key = (event.run, data["artifact"])
        if key not in self._artifacts:
            members = ("artifact_type", "name", "media_type", "size", "sha256", "url")
            fresh: dict[str, Any] = {"artifact": data["artifact"], "run": event.run, "state": "pending"}
            self._artifacts[key] = fresh | dict.fromkeys(members)
        artifact = self._artifacts[key]
        if event.type == "artifact.appended":
            if data.get("chunk") is not None:
                artifact["text"], omitted = _append(artifact.get("text", ""), data["chunk"])
                _count(artifact, "text_omitted_bytes", omitted)
            return
        artifact["state"] = event.type.removeprefix("artifact.")
        if event.type == "artifact.failed":
            artifact.pop("error", None)
            if data.get("error") is not None:
                artifact["error"] = data["error"]
            return
        for member in ("artifact_type", "name", "media_type"):
            if data.get(member) is not None:
                artifact[member] = data[member]
        if event.type == "artifact.ready":
            artifact.pop("error", None)
            for member in ("size", "sha256", "url"):
                artifact[member] = data.get(member)

    def _append_message(self, event: Event) -> None:
        data = event.data
        key = (event.run, data["message"])
        if key not in self._messages:
            role = data["role"] if data.get("role") is not None else "assistant"
            fresh = {"message": data["message"], "run": event.run, "role": role, "content": "", "final": False}
            self._messages[key] = fresh
        message = self._messages[key]
        message["content"], omitted = _append(message["content"], data.get("content") or "")
        _count(message, "omitted_bytes", omitted)
        message["final"] = message["final"] or bool(data.get("final"))
        if len(self._messages) > _MESSAGES_KEPT:
            del self._messages[next(iter(self._messages))]
            self._messages_omitted += 1


def fold(events: Iterable[Event], start: Snapshot | None = None) -> Snapshot | None:
    """What events make of a snapshot, or of nothing."""
    state = Fold(start)
    for event in events:
        state.apply(event)
    return state.snapshot()


def _created(event: Event, project: str) -> dict[str, Any]:
    data = event.data
    return {
        "id": event.run,
        "stream": event.stream,
        "project": project,
        "parent": data.get("parent"),
        "kind": data.get("kind"),
        "name": data.get("name"),
        "state": "queued",
        "stalled": False,
        "attempt": 0,
        "weight": 1.0 if data.get("weight") is None else data["weight"],
        "stage": None,
        "message": None,
        "progress": _no_progress(),
        "error": None,
        "result": None,
        "cancel": None,
        "audit": "not_started",
        "verdict": None,
        "values": {},
        "metadata": data.get("metadata"),
        "lease_expires_at": None,
        "created_at": event.time,
        "started_at": None,
        "finished_at": None,
        "updated_at": event.time,
        "created_seq": event.seq,
        "expected_children": data.get("expected_children") or 0,
        "lease_seconds": data.get("lease_seconds"),
        "claimed": False,
    }


def _no_progress() -> dict[str, Any]:
    return {"fraction": None, "current": None, "total": None, "unit": None, "eta_ms": None}


def _change_run(run: dict[str, Any], event: Event) -> None:
    data, kind = event.data, event.type
    if kind == "run.started":
        _start(run, event)
    elif kind == "run.progressed":
        _report(run, data)
    elif kind == "run.waiting":
        run["state"] = "waiting"
        if data.get("reason") is not None:
            run["message"] = data["reason"]
    elif kind == "run.resumed":
        run["state"] = "running"
    elif kind in ("run.stalled", "run.recovered"):
        run["stalled"] = kind == "run.stalled"
    elif kind == "run.cancel_requested":
        deadline = data.get("deadline") or event.time
        asked = {"by": data.get("by"), "reason": data.get("reason"), "requested_at": event.time, "deadline": deadline}
        run["cancel"] = {**asked, "acknowledged": None}
    elif kind in _ENDS:
        _finish(run, event)
    elif kind == "run.audit_started":
        run["audit"] = "in_progress"
    elif kind == "run.audited":
        run["audit"], run["verdict"] = "completed", data.get("verdict")


def _start(run: dict[str, Any], event: Event) -> None:
    data = event.data
    attempt = data.get("attempt")
    run.update(state="running", stalled=False, stage=None, message=None, started_at=event.time)
    run["attempt"] = run["attempt"] + 1 if attempt is None else attempt
    run["progress"] = _no_progress()
    run.pop("cleared", None)
    run["claimed"] = data.get("lease_seconds") is not None
    if run["claimed"]:
        run["lease_seconds"] = data["lease_seconds"]


def _report(run: dict[str, Any], data: dict[str, Any]) -> None:
    for member in _REPORTED:
        if member in data:
            (run if member in ("stage", "message") else run["progress"])[member] = data[member]
    run.pop("cleared", None)
    if any(member in data and data[member] is None for member in _REPORTED):
        run["cleared"] = True
    run["progress"]["fraction"] = _furthest([run["progress"]["fraction"], data.get("fraction")])


def _finish(run: dict[str, Any], event: Event) -> None:
    data = event.data
    run.update(state=_ENDS[event.type], stalled=False, lease_expires_at=None, finished_at=event.time)
    run["progress"]["eta_ms"] = None
    if event.type == "run.completed":
        run["result"] = data.get("result")
        run["progress"]["fraction"] = 1.0
    elif event.type == "run.failed":
        run["error"] = data.get("error")
    elif run["cancel"] is not None:
        acknowledged = data.get("acknowledged")
        run["cancel"]["acknowledged"] = True if acknowledged is None else acknowledged


def _update_values(run: dict[str, Any], data: dict[str, Any]) -> None:
    key, values = data.get("key"), run["values"]
    if data.get("patch") is None:
        values[key] = data.get("value")
        return
    try:
        if key is not None:
            values[key] = patched(values.get(key), data["patch"])
        else:
            changed = patched(values, data["patch"])
            run["values"] = changed if isinstance(changed, dict) else values
    except PatchError:
        return  # the server has taken it, so it applies; a viewer that knows less leaves the values alone


def _furthest(fractions: Iterable[float | None]) -> float | None:
    return max((fraction for fraction in fractions if fraction is not None), default=None)


def _reported(progress: dict[str, Any]) -> float | None:
    current, total = progress["current"], progress["total"]
    if current is None or total is None or total <= 0:
        return None
    return float(min(max(current / total, 0.0), 1.0))


def _time_to_go(started: str | None, fraction: float | None, now: str) -> int | None:
    if started is None or fraction is None or not 0 < fraction < 1:
        return None
    begun, ended = parse_time(started), parse_time(now)
    if begun is None or ended is None or ended <= begun:
        return None
    elapsed = round((ended - begun).total_seconds() * 1_000)
    exact = elapsed * (1 - fraction) / fraction
    whole = math.floor(exact)
    return whole + (exact - whole >= 0.5)


def _append(text: str, more: str) -> tuple[str, int]:
    """Appends what fits, cut between characters, and says how many bytes did not."""
    encoded = more.encode("utf-8", "surrogatepass")
    room = max(_TEXT_KEPT_BYTES - len(text.encode("utf-8", "surrogatepass")), 0)
    if len(encoded) <= room:
        return text + more, 0
    fits = encoded[:room].decode("utf-8", "ignore")
    return text + fits, len(encoded) - len(fits.encode())


def _count(holder: dict[str, Any], member: str, more: int) -> None:
    if more:
        holder[member] = holder.get(member, 0) + more
