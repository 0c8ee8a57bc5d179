"""Following a run over reconnects and restarts of the server: every event once and in order, and proof of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import aclosing, closing
from typing import Any

import httpx

from . import _caps, _http
from ._position import CaughtUp, Disconnected, End, Position, Reset, SnapshotUpdate, Update
from ._sse import Decoder
from .errors import MilepostError, Refused, Unreachable
from .types import Event, Snapshot

__all__ = ["AsyncFollower", "CaughtUp", "Disconnected", "End", "Follower", "Reset", "SnapshotUpdate", "Update"]

_TROUBLE = (httpx.HTTPError, httpx.StreamError, OSError, ValueError, KeyError, MilepostError)
_TIMEOUT = httpx.Timeout(_caps.CALL_TIMEOUT, connect=_caps.CONNECT_TIMEOUT, read=_caps.STREAM_SILENCE)


class _Following:
    """What both followers have."""

    def __init__(
        self,
        options: dict[str, Any],
        project: str,
        run: str,
        after: str | int | None,
        types: Sequence[str] | None,
        coalesce_ms: int | None,
        prepare: Callable[[], Any] | None = None,
    ) -> None:
        self._options = {**options, "timeout": _TIMEOUT}
        self._address = _http.path(project, "runs", run, "events")
        self._filters: dict[str, str] = {}
        if types:
            self._filters["types"] = ",".join(types)
        if coalesce_ms is not None:
            self._filters["coalesce_ms"] = str(coalesce_ms)
        self._position = Position(run, project, after, filtered=bool(types))
        self._failures = 0
        self._prepare = prepare

    @property
    def cursor(self) -> str | None:
        """Where it stands: another follower may begin after it. None before anything was seen."""
        return self._position.cursor

    def snapshot(self) -> Snapshot | None:
        """What was seen so far. None before the first snapshot, and after a cursor of your own until there is a reset."""
        fold = self._position.fold
        return fold.snapshot() if fold is not None else None

    def _request(self) -> dict[str, Any]:
        params = {**self._filters, **self._position.query()}
        return {"method": "GET", "url": self._address, "params": params, "headers": {"Accept": "text/event-stream"}}

    def _trouble(self, error: Exception) -> Disconnected:
        """The connection is to be made again, unless the server does not want this follower: then it is raised."""
        if isinstance(error, Refused) and not error.transient:
            raise error
        self._failures += 1
        return Disconnected(_http.unreachable(error))

    def _pause(self, trouble: Disconnected) -> float:
        return _http.pause(self._failures - 1, trouble.error)


class AsyncFollower(_Following):
    """Follows a run: ``async for event in client.follow(run)``. It connects again by itself, and ends when the run does."""

    async def __aiter__(self) -> AsyncIterator[Event]:
        async with aclosing(self.updates()) as updates:
            async for update in updates:
                if isinstance(update, Event):
                    yield update

    async def updates(self) -> AsyncGenerator[Update, None]:
        """Events, and what else there is to know: snapshots, resets, lost connections, the end."""
        if self._prepare is not None:
            await self._prepare()
        while True:
            try:
                async with aclosing(self._connection()) as connection:
                    async for update in connection:
                        yield update
                        if isinstance(update, End):
                            return
                raise Unreachable("the server closed the connection")
            except _TROUBLE as error:
                trouble = self._trouble(error)
            yield trouble
            await asyncio.sleep(self._pause(trouble))

    async def _connection(self) -> AsyncGenerator[Update, None]:
        decoder = Decoder()
        async with (
            httpx.AsyncClient(**self._options) as http,
            http.stream(**self._request()) as response,
        ):
            if not response.is_success:
                await response.aread()
            if _http.check(response).status_code == 204:
                yield End(self.cursor)
                return
            async for piece in response.aiter_bytes():
                for frame in decoder.feed(piece):
                    for update in self._position.take(frame):
                        self._failures = 0
                        yield update


class Follower(_Following):
    """The same for sync code: ``for event in client.follow(run)``."""

    def __iter__(self) -> Iterator[Event]:
        for update in self.updates():
            if isinstance(update, Event):
                yield update

    def updates(self) -> Generator[Update, None, None]:
        """Events, and what else there is to know: snapshots, resets, lost connections, the end."""
        if self._prepare is not None:
            self._prepare()
        while True:
            try:
                with closing(self._connection()) as connection:
                    for update in connection:
                        yield update
                        if isinstance(update, End):
                            return
                raise Unreachable("the server closed the connection")
            except _TROUBLE as error:
                trouble = self._trouble(error)
            yield trouble
            time.sleep(self._pause(trouble))

    def _connection(self) -> Generator[Update, None, None]:
        decoder = Decoder()
        with httpx.Client(**self._options) as http, http.stream(**self._request()) as response:
            if not response.is_success:
                response.read()
            if _http.check(response).status_code == 204:
                yield End(self.cursor)
                return
            for piece in response.iter_bytes():
                for frame in decoder.feed(piece):
                    for update in self._position.take(frame):
                        self._failures = 0
                        yield update
