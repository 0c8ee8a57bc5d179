"""The clients: one project of one server, sync and async."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, TypeVar, cast

import httpx

from . import _caps, _frames, _http
from ._engine import Engine
from ._ids import as_id, new_run_id
from .follow import AsyncFollower, Follower
from .run import Run, create_entry, description
from .types import Claimed, RunsPage, Snapshot

_engines: dict[tuple[str, str | None], Engine] = {}
_engines_lock = threading.Lock()
_Self = TypeVar("_Self", bound="_Base")


def _engine(url: str, token: str | None) -> Engine:
    """The engine of a server: clients of all its projects share the queues, the threads and the connections."""
    with _engines_lock:
        key = (url, token)
        if key not in _engines:
            _engines[key] = Engine(url, token)
        return _engines[key]


class _Base:
    """What both clients have: producing only queues, so it is the same for sync and async code."""

    def __init__(self, url: str | None = None, project: str | None = None, token: str | None = None) -> None:
        #: The server.
        self.url = _http.configured_url(url)
        #: The project.
        self.project = as_id(project or os.environ.get("MILEPOST_PROJECT") or "default")
        self._token = _http.configured_token(token)
        self._engine = _engine(self.url, self._token)

    def for_project(self: _Self, project: str) -> _Self:
        """A client of another project of the same server."""
        return type(self)(self.url, project, self._token)

    def run(
        self,
        kind: str = "task",
        id: object = None,  # noqa: A002 - the word of the protocol
        name: object = None,
        metadata: Mapping[str, Any] | None = None,
        weight: float | None = None,
        expected_children: int | None = None,
        parent: Run | str | None = None,
        *,
        lease_seconds: int | Literal["default"] | None = "default",
        state: Literal["running", "queued"] = "running",
    ) -> Run:
        """Begins a run. Nothing is waited for: the server hears of it in the background.

        With an ``id``, a run that exists is joined. ``parent`` is a run of this process, or the id of any run of the project.
        The run counts as stalled when this process gives no word for ``lease_seconds``: 30 for one that is running, no lease
        for one that is queued, or None.
        """
        if isinstance(parent, str) and (known := self._engine.find(self.project, parent)) is not None:
            parent = Run(known)
        if isinstance(parent, Run):
            return parent.child(kind, name, id, weight, expected_children, metadata, state=state)
        run = as_id(id) if id is not None else new_run_id()
        body: dict[str, Any] = {"id": run, "kind": as_id(kind), "state": state}
        body |= description(name, weight, metadata, expected_children)
        if parent is not None:
            body["parent"] = as_id(parent)
        if lease_seconds == "default":
            lease_seconds = _caps.LEASE_SECONDS if state == "running" else None
        if lease_seconds is not None:
            body["lease_seconds"] = max(1, int(lease_seconds))
        handle = self._handle(run, None if parent else run, lease_seconds)
        handle._node.queued = state == "queued"
        self._engine.push(create_entry(handle._node, body))
        return handle

    def attach(self, run: str, *, lease_seconds: int | None = None, lease: str | None = None) -> Run:
        """Takes up a run that exists, to work on it. With ``lease_seconds`` its lease is kept alive."""
        return self._handle(as_id(run), None, lease_seconds, lease)

    def _handle(self, run: str, stream: str | None, lease_seconds: int | None, lease: str | None = None) -> Run:
        outbox = self._engine.outbox(self.project, run, stream, lease)
        return Run(self._engine.node(outbox, run, None, lease_seconds))

    def _following(
        self, run: Run | str, after: str | int | None, types: Sequence[str] | None, coalesce_ms: int | None
    ) -> dict[str, Any]:
        name = run.id if isinstance(run, Run) else run
        shared: dict[str, Any] = {"options": self._options(), "project": self.project, "run": name}
        return {**shared, "after": after, "types": types, "coalesce_ms": coalesce_ms}

    def _options(self) -> dict[str, Any]:
        return _http.options(self.url, self._token)

    def _path(self, *parts: str) -> str:
        return _http.path(self.project, *parts)


def _cancel_body(reason: str | None, grace_seconds: float | None) -> dict[str, Any]:
    body = {"reason": reason, "grace_seconds": grace_seconds}
    return {name: value for name, value in body.items() if value is not None}


def _claim_body(kinds: tuple[str, ...], lease_seconds: int, wait: float) -> dict[str, Any]:
    return {"kinds": list(kinds), "lease_seconds": lease_seconds, "wait": wait}


def _listing(filters: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in filters.items() if value is not None}


class Client(_Base):
    """A project of a server, for sync code.

    ``url`` is MILEPOST_URL or ``http://127.0.0.1:6453`` where absent, ``project`` MILEPOST_PROJECT or ``default``, ``token``
    MILEPOST_TOKEN. From any thread.
    """

    def _call(self, method: str, *parts: str, **options: Any) -> httpx.Response:
        try:
            return _http.check(self._engine.http.request(method, self._path(*parts), **options))
        except httpx.HTTPError as error:
            raise _http.unreachable(error) from error

    def snapshot(self, run: str) -> Snapshot:
        """A run as it stands, with what is below it."""
        return cast("Snapshot", self._call("GET", "runs", run).json())

    def runs(self, **filters: object) -> RunsPage:
        """Lists runs: ``kind``, ``state``, ``parent``, ``limit``, ``page``."""
        return cast("RunsPage", self._call("GET", "runs", params=_listing(filters)).json())

    def follow(
        self,
        run: Run | str,
        after: str | int | None = None,
        types: Sequence[str] | None = None,
        coalesce_ms: int | None = None,
    ) -> Follower:
        """Follows a run: its events from now on, or after a cursor; ``after=0`` begins with the first one.

        ``types`` keeps only these, ``coalesce_ms`` asks for at most one progress event of a run in that time. A run of this
        process is waited for until the server knows it.
        """
        prepare = self.flush if isinstance(run, Run) else None
        return Follower(**self._following(run, after, types, coalesce_ms), prepare=prepare)

    def cancel(self, run: str, reason: str | None = None, grace_seconds: float | None = None) -> dict[str, Any]:
        """Asks for the cancellation of a run."""
        body = _cancel_body(reason, grace_seconds)
        return cast("dict[str, Any]", self._call("POST", "runs", run, "cancel", json=body).json())

    def download(self, run: str, artifact: str) -> bytes:
        """The bytes of an artifact."""
        return self._call("GET", "runs", run, "artifacts", artifact).content

    def claim(self, *kinds: str, lease_seconds: int = _caps.LEASE_SECONDS, wait: float = 20) -> Claimed | None:
        """Claims a queued run of one of the kinds; None when there was none in ``wait`` seconds."""
        body = _claim_body(kinds, lease_seconds, wait)
        response = self._call("POST", "claims", json=body, timeout=wait + _caps.CALL_TIMEOUT)
        return None if response.status_code == 204 else cast("Claimed", response.json())

    def flush(self, timeout: float | None = 10.0) -> bool:
        """Waits until everything reported so far is at the server; False when the time ran out."""
        return self._engine.flush(timeout)

    def close(self, timeout: float = _caps.EXIT_TIMEOUT) -> bool:
        """Flushes, and closes the connections. Reporting again opens them again."""
        return self._engine.close(timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(_Base):
    """A project of a server, for async code; otherwise as :class:`Client`. Usable from any number of event loops."""

    async def _call(self, method: str, *parts: str, **options: Any) -> httpx.Response:
        # A connection belongs to an event loop, and this client to none: it would outlive them.
        async with httpx.AsyncClient(**self._options()) as http:
            try:
                return _http.check(await http.request(method, self._path(*parts), **options))
            except httpx.HTTPError as error:
                raise _http.unreachable(error) from error

    async def snapshot(self, run: str) -> Snapshot:
        """A run as it stands, with what is below it."""
        return cast("Snapshot", (await self._call("GET", "runs", run)).json())

    async def runs(self, **filters: object) -> RunsPage:
        """Lists runs: ``kind``, ``state``, ``parent``, ``limit``, ``page``."""
        return cast("RunsPage", (await self._call("GET", "runs", params=_listing(filters))).json())

    def follow(
        self,
        run: Run | str,
        after: str | int | None = None,
        types: Sequence[str] | None = None,
        coalesce_ms: int | None = None,
    ) -> AsyncFollower:
        """Follows a run: its events from now on, or after a cursor; ``after=0`` begins with the first one.

        ``types`` keeps only these, ``coalesce_ms`` asks for at most one progress event of a run in that time. A run of this
        process is waited for until the server knows it.
        """
        prepare = self.flush if isinstance(run, Run) else None
        return AsyncFollower(**self._following(run, after, types, coalesce_ms), prepare=prepare)

    def frames(
        self,
        *,
        ingest: str | None = None,
        agent_run: str | None = None,
        workflow_run: str | None = None,
        after: str | int | None = None,
        types: Sequence[str] | None = None,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """What pages see: ``ingest.job.updated`` and so on, each with the whole entity. Of one run, or of all of the project.

        Those of one run begin with a snapshot, or after a sequence, go on after a lost connection where they were, and end
        with the run. Those of a project never end, and begin with a snapshot again.
        """
        place, query, one = _frames.address(self.url, self.project, ingest, agent_run, workflow_run, types)
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return _frames.frames(place, query, headers, after, one=one)

    async def cancel(self, run: str, reason: str | None = None, grace_seconds: float | None = None) -> dict[str, Any]:
        """Asks for the cancellation of a run."""
        body = _cancel_body(reason, grace_seconds)
        return cast("dict[str, Any]", (await self._call("POST", "runs", run, "cancel", json=body)).json())

    async def download(self, run: str, artifact: str) -> bytes:
        """The bytes of an artifact."""
        return (await self._call("GET", "runs", run, "artifacts", artifact)).content

    async def claim(self, *kinds: str, lease_seconds: int = _caps.LEASE_SECONDS, wait: float = 20) -> Claimed | None:
        """Claims a queued run of one of the kinds; None when there was none in ``wait`` seconds."""
        body = _claim_body(kinds, lease_seconds, wait)
        response = await self._call("POST", "claims", json=body, timeout=wait + _caps.CALL_TIMEOUT)
        return None if response.status_code == 204 else cast("Claimed", response.json())

    async def flush(self, timeout: float | None = 10.0) -> bool:
        """Waits until everything reported so far is at the server; False when the time ran out."""
        loop, settled = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and with it whoever waited
                loop.call_soon_threadsafe(settled.set)

        withdraw = self._engine.when_settled(wake)
        try:
            await asyncio.wait_for(settled.wait(), timeout)
        except asyncio.TimeoutError:
            return False
        finally:
            withdraw()
        return True

    async def close(self, timeout: float = _caps.EXIT_TIMEOUT) -> bool:
        """Flushes, and closes the connections. Reporting again opens them again."""
        complete = await self.flush(timeout)
        await asyncio.to_thread(self._engine.close, 0.0 if complete else 0.01)
        return complete

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
