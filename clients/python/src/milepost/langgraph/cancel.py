"""From a cancel request of the server to the graph: first a drain, and near the deadline a hard stop."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable
from contextlib import suppress

from langgraph.runtime import RunControl

from milepost._agents.deadline import grace_of
from milepost._token import CancelToken

from .session import Session

#: Called with the session of the next graph that begins in this context, before it does anything.
ON_SESSION: contextvars.ContextVar[Callable[[Session], None] | None] = contextvars.ContextVar(
    "milepost_on_session", default=None
)


class Cancellation:
    """Connects the token of a run with the control of its graph."""

    def __init__(self, control: RunControl) -> None:
        self.control = control
        self._token: CancelToken | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Callable[[], object] | None = None
        self._overdue_at: float | None = None

    def bind(self, token: CancelToken) -> None:
        """From now on a cancel request reaches the graph."""
        self._token = token
        token.add_callback(self._requested)

    def stops_with(self, stop: Callable[[], object]) -> None:
        """`stop` ends the graph hard; it is called in the running event loop."""
        self._loop, self._stop = asyncio.get_running_loop(), stop

    def release(self) -> None:
        """The graph is over: nothing may be stopped any more."""
        self._stop = None
        if self._token is not None:
            self._token.remove_callback(self._requested)

    @property
    def reason(self) -> str | None:
        return self._token.reason if self._token is not None else None

    def is_overdue(self) -> bool:
        """Whether the time to stop by itself is over."""
        return self._overdue_at is not None and time.monotonic() >= self._overdue_at

    def _requested(self) -> None:
        """In a background thread."""
        self.control.request_drain(self.reason or "cancelled")
        grace = grace_of(self._token) if self._token is not None else 0.0
        self._overdue_at = time.monotonic() + grace
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nothing is left to stop
                self._loop.call_soon_threadsafe(self._loop.call_later, grace, self._stop_now)

    def _stop_now(self) -> None:
        if self._stop is not None:
            self._stop()
