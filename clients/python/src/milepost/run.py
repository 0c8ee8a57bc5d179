"""A run, from the side of those who do the work."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import re
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from . import _caps, _encode
from ._ids import as_id, new_run_id, token
from ._outbox import Create, Events, Node, Outbox, Progress, Upload
from ._token import CancelToken
from .errors import Cancelled

_current: contextvars.ContextVar[Run | None] = contextvars.ContextVar("milepost_run", default=None)
_NOT_IN_A_TYPE = re.compile(r"[^A-Za-z0-9._-]")


def current_run() -> Run | None:
    """The run whose ``with`` block this code is in; None outside of any."""
    return _current.get()


class Run:
    """A run that this process works on.

    Every method only queues and returns at once. From any thread, sync or async; none raises because of the network, or
    because of what it was given. The handle is a context manager, sync and async: leaving it completes the run, an exception
    fails it.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._outbox: Outbox = node.outbox
        self._engine = node.outbox.engine
        self._lock = self._outbox.lock
        self._pid = os.getpid()
        self._token: contextvars.Token[Run | None] | None = None

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Its id."""
        return self._node.id

    @property
    def stream(self) -> str | None:
        """The id of the root of its tree. None for a run below one of another process, until the server has said it."""
        return self._outbox.stream

    @property
    def project(self) -> str:
        """Its project."""
        return self._outbox.project

    @property
    def cancelled(self) -> CancelToken:
        """Set when the run is to stop."""
        return self._node.token

    def check_cancelled(self) -> None:
        """Raises :class:`Cancelled` when the run is to stop."""
        if self._node.token.is_set():
            raise Cancelled(self._node.token.reason)

    def __repr__(self) -> str:
        return f"<milepost.Run {self.project}/{self.id}>"

    def take_up(self, stream: str, attempt: int) -> None:
        """Goes on where a claim stands."""
        self._outbox.stream, self._node.attempt = stream, attempt

    # -- what it reports -----------------------------------------------------------------------------------------------

    def progress(
        self, current: Any = None, total: Any = None, unit: Any = None, stage: Any = None, message: Any = None
    ) -> None:
        """Says how far the run is. What is not given stays as it was; :data:`milepost.UNKNOWN` takes it back.

        The latest wins: reports go out at most every 100 ms, so call it as often as you like.
        """
        node = self._node
        self._settle()
        with self._lock:
            slot = node.slot
            if slot is None:
                slot = Progress(node, 0, 512, current, total, unit, stage, message, time.time())
                self._outbox.push_progress(node, slot)
                return
            if current is not None:
                slot.current = current
            if total is not None:
                slot.total = total
            if unit is not None:
                slot.unit = unit
            if stage is not None:
                slot.stage = stage
            if message is not None:
                slot.message = message
            slot.at = time.time()

    def milestone(self, **report: Any) -> None:
        """Progress that nothing supersedes: what is reported before and after it is told as well."""
        self._event("run.progressed", Progress(self._node, **report).report())

    def started(self) -> None:
        """Starts a run that was queued."""
        self._node.queued = False
        self._event("run.started", {})

    def waiting(self, reason: object = None) -> None:
        """Says that the run waits for something."""
        if self._node.waiting:
            self.progress(message=reason)
            return
        self._node.waiting = True
        self._event("run.waiting", _given(reason=reason, cut=_caps.SENTENCE))

    def resumed(self, reason: object = None) -> None:
        """Says that it goes on."""
        if self._node.waiting:
            self._node.waiting = False
            self._event("run.resumed", _given(reason=reason, cut=_caps.SENTENCE))

    def restarted(self, attempt: int | None = None) -> None:
        """Begins another attempt, the next one where it is not said: progress starts anew."""
        node = self._node
        node.attempt = node.attempt + 1 if attempt is None else int(attempt)
        node.waiting = False
        self._event("run.started", {"attempt": node.attempt})

    def message(
        self, content: object, *, role: str | None = "assistant", message: object = None, final: bool = True
    ) -> str:
        """Appends to a message, and returns its id. Without ``message``, it is a new one."""
        name = as_id(message) if message is not None else f"m-{token()}"
        text = _encode.label(content, len(content) if isinstance(content, str) else 10 * _caps.MESSAGE_PART)
        parts = [text[at : at + _caps.MESSAGE_PART] for at in range(0, len(text), _caps.MESSAGE_PART)] or [""]
        head = {"message": name, **({"role": _encode.label(role)} if role else {})}
        events = [
            ("message.appended", {**head, "content": part, "final": final and at == len(parts) - 1})
            for at, part in enumerate(parts)
        ]
        self._events(events)
        return name

    def state(self, key: object, value: object) -> None:
        """Sets a value of the run."""
        self._event("state.updated", {"key": _encode.label(key), "value": _encode.fit(value)})

    def patch_state(self, ops: Sequence[Mapping[str, Any]], *, key: object = None) -> None:
        """Changes the value of ``key``, or all values of the run, by a JSON Patch (RFC 6902)."""
        data: dict[str, Any] = {"patch": _encode.fit(ops)}
        if key is not None:
            data["key"] = _encode.label(key)
        self._event("state.updated", data)

    def event(self, type: str, data: object = None) -> None:  # noqa: A002 - the word of the protocol
        """Publishes an event of your own; its type starts with ``x.``."""
        name = _encode.as_text(type)
        kind = _NOT_IN_A_TYPE.sub("_", name if name.startswith("x.") else f"x.{name}")[: _caps.ID]
        self._event(kind, _encode.fit(data))

    def announce(self, n: int) -> None:
        """Says how many children there will be, so that the roll-up knows of those that do not exist yet.

        The protocol knows announcements at creation only: give ``expected_children`` there where you can. Afterwards the
        number goes into the values of the run, as ``expected_children``.
        """
        self.state("expected_children", n)

    # -- artifacts -----------------------------------------------------------------------------------------------------

    def artifact(
        self,
        name: str,
        data: bytes | bytearray | memoryview | str | os.PathLike[str] | object,
        type: str | None = None,  # noqa: A002 - the word of the protocol
        media_type: str | None = None,
        *,
        artifact: object = None,
    ) -> str:
        """Stores bytes, a text, a file (a path), or anything else as JSON. Returns its id, made from the name."""
        if isinstance(data, str):
            source: bytes | os.PathLike[str] = data.encode("utf-8", "replace")
            media_type = media_type or "text/plain; charset=utf-8"
        elif isinstance(data, os.PathLike):
            source = data
        elif isinstance(data, (bytes, bytearray, memoryview)):
            source = bytes(data)
        else:
            source = _encode.encode(data, _caps.JSON_ARTIFACT_BYTES).encode()
            media_type = media_type or "application/json"
        name_id = as_id(artifact if artifact is not None else name)
        self._upload(name_id, name, source, type, media_type, temporary=False)
        return name_id

    def artifact_stream(
        self,
        name: str,
        type: str | None = None,  # noqa: A002
        media_type: str | None = None,
        *,
        artifact: object = None,
    ) -> ArtifactStream:
        """A file to write to. Texts are seen by viewers at once; the whole is stored when it is closed."""
        return ArtifactStream(self, as_id(artifact if artifact is not None else name), name, type, media_type)

    def _upload(
        self,
        artifact: str,
        name: str,
        source: bytes | os.PathLike[str],
        kind: str | None,
        media_type: str | None,
        *,
        temporary: bool,
    ) -> None:
        query = {"name": _encode.label(name)}
        if kind:
            query["type"] = _encode.label(kind)
        if media_type:
            query["media_type"] = _encode.label(media_type)
        size = len(source) if isinstance(source, bytes) else 256
        self._settle()
        self._engine.push(Upload(self._node, 0, size, artifact, source, query, temporary))

    # -- its parts -----------------------------------------------------------------------------------------------------

    def child(
        self,
        kind: str = "task",
        name: object = None,
        id: object = None,  # noqa: A002 - the word of the protocol
        weight: float | None = None,
        expected_children: int | None = None,
        metadata: object = None,
        *,
        state: Literal["running", "queued"] = "running",
    ) -> Run:
        """A run below this one, running from now on unless ``state`` is ``queued``."""
        child = as_id(id) if id is not None else new_run_id()
        data = {"kind": as_id(kind), "parent": self.id, **description(name, weight, metadata, expected_children)}
        node = self._engine.node(self._outbox, child, self._node, None)
        events: list[tuple[str, object]] = [("run.created", data)]
        if state == "running":
            events.append(("run.started", {}))
        node.queued = state == "queued"
        run = Run(node)
        run._events(events)
        return run

    def step(self, name: object, **options: Any) -> Run:
        """A child of kind ``step``."""
        return self.child("step", name, **options)

    def node(self, name: object, **options: Any) -> Run:
        """A child of kind ``node``."""
        return self.child("node", name, **options)

    # -- its end -------------------------------------------------------------------------------------------------------

    def complete(self, result: object = None) -> None:
        """Ends it well. Only the first end counts."""
        if self._node.token.asked:
            self.cancel_acknowledge()
            return
        self._event("run.completed", {} if result is None else {"result": _encode.fit(result)})

    def fail(self, error: object, code: str | None = None) -> None:
        """Ends it with an error: an exception, or what happened in words."""
        if self._node.token.asked:
            self.cancel_acknowledge()
            return
        self._event("run.failed", {"error": describe_error(error, code)})

    def cancel_acknowledge(self, reason: object = None) -> None:
        """Says that it was stopped; also without having been asked."""
        self._event("run.cancelled", _given(reason=reason, cut=_caps.SENTENCE))

    def detach(self) -> None:
        """Leaves the run to others: it is neither ended nor watched from here any more."""
        self._settle()
        with self._lock:
            self._node.leave()

    def __enter__(self) -> Run:
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            with contextlib.suppress(ValueError):  # left in another context than it was entered in
                _current.reset(self._token)
            self._token = None
        if os.getpid() == self._pid:  # what a forked child leaves is still being worked on by its parent
            self._end(error)

    async def __aenter__(self) -> Run:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _end(self, error: BaseException | None) -> None:
        if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
            self.complete()
        elif self._node.token.asked:
            self.cancel_acknowledge()
        elif isinstance(error, Cancelled):
            self.cancel_acknowledge(error.reason)
        elif isinstance(error, (asyncio.CancelledError, KeyboardInterrupt, GeneratorExit)):
            self.cancel_acknowledge(_INTERRUPTIONS.get(type(error).__name__, type(error).__name__))
        else:
            self.fail(error)

    # -- how it gets into the queue ------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """What happened before comes first in the log."""
        if self._outbox.sources:
            self._outbox.settle()

    def _event(self, kind: str, data: object) -> None:
        """Queues an event whose data is in terms of JSON."""
        self._events([(kind, data)])

    def _events(self, events: Sequence[tuple[str, object]]) -> None:
        self._settle()
        ids = self._engine.ids
        written = [(ids.next(), kind, _encode.write(data) if data else "{}") for kind, data in events]
        size = sum(len(data) for _, _, data in written)
        self._engine.push(Events(self._node, 0, size, written, time.time()))


_INTERRUPTIONS = {
    "CancelledError": "the task was cancelled",
    "KeyboardInterrupt": "interrupted from the keyboard",
    "GeneratorExit": "the consumer went away",
}


class ArtifactStream:
    """A file that becomes an artifact when it is closed."""

    def __init__(self, run: Run, artifact: str, name: str, kind: str | None, media_type: str | None) -> None:
        self._run, self._name, self._kind, self._media_type = run, name, kind, media_type
        #: The id of the artifact.
        self.artifact = artifact
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_caps.SPOOL_BYTES)  # noqa: SIM115 - closed below
        head = {"artifact": artifact, **_given(artifact_type=kind, name=name, media_type=media_type)}
        run._event("artifact.pending", head)

    def write(self, data: str | bytes) -> int:
        """Writes; a text is told to viewers at once."""
        if isinstance(data, str):
            data = data.encode("utf-8", "replace").decode()
            for at in range(0, len(data), _caps.MESSAGE_PART):
                part = data[at : at + _caps.MESSAGE_PART]
                self._run._event("artifact.appended", {"artifact": self.artifact, "chunk": part})
            return self._file.write(data.encode())
        return self._file.write(data)

    def close(self) -> None:
        """Stores what was written."""
        if self._file.closed:
            return
        size = self._file.tell()
        self._file.seek(0)
        source: bytes | Path
        if size <= _caps.SPOOL_BYTES:
            source = self._file.read()
        else:
            with tempfile.NamedTemporaryFile(prefix="milepost-", delete=False) as kept:
                while piece := self._file.read(_caps.UPLOAD_CHUNK):
                    kept.write(piece)
            source = Path(kept.name)
        self._file.close()
        self._run._upload(
            self.artifact, self._name, source, self._kind, self._media_type, temporary=isinstance(source, Path)
        )

    def fail(self, error: object, code: str | None = None) -> None:
        """Gives it up."""
        if not self._file.closed:
            self._file.close()
            self._run._event("artifact.failed", {"artifact": self.artifact, "error": describe_error(error, code)})

    def __enter__(self) -> ArtifactStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.fail(error)


def describe_error(error: object, code: str | None = None) -> dict[str, Any]:
    """An error as the protocol writes it."""
    if not isinstance(error, BaseException):
        return {"code": _encode.label(code or "failed"), "message": _encode.sentence(error)}
    kind = type(error)
    try:
        trace = "".join(traceback.format_exception(kind, error, error.__traceback__))
    except Exception:
        trace = ""
    return {
        "code": _encode.label(code or kind.__name__),
        "message": _encode.sentence(error) or kind.__name__,
        "details": {"type": f"{kind.__module__}.{kind.__qualname__}", "traceback": trace[-_caps.TRACEBACK :]},
    }


def description(name: object, weight: float | None, metadata: object, expected_children: int | None) -> dict[str, Any]:
    """What creations have in common, without what was not given."""
    data = _given(name=name)
    if weight is not None and (known := _encode.amount(weight)) is not None:
        data["weight"] = min(known, 1_000_000)
    if expected_children is not None and (known := _encode.amount(expected_children)) is not None:
        data["expected_children"] = min(int(known), 10_000)
    if metadata is not None:
        plain = _encode.fit(metadata, _caps.METADATA_BYTES - 64)
        data["metadata"] = plain if isinstance(plain, dict) else {"value": plain}
    return data


def create_entry(node: Node, body: Mapping[str, Any]) -> Create:
    """The entry that creates a run by a call of its own."""
    text = _encode.write(body)
    return Create(node, 0, len(text), text)


def _given(cut: int = _caps.LABEL, **members: object) -> dict[str, Any]:
    return {name: _encode.label(value, cut) for name, value in members.items() if value is not None}
