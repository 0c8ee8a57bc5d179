"""The cancel token: how a run is told to stop."""

from __future__ import annotations

import asyncio
import datetime
import logging
import threading
from collections.abc import Callable

_log = logging.getLogger("milepost")


class CancelToken:
    """Set once, when the run is to stop. From any thread and any event loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set = False
        self._callbacks: list[Callable[[], object]] = []
        #: Why; None while it is not set, and where nobody said.
        self.reason: str | None = None
        #: When the server cancels by itself; None where there is no such time.
        self.deadline: datetime.datetime | None = None
        #: ``cancelled`` where somebody asked, else what took the run away: ``lease_lost``, ``run_terminal``.
        self.code: str | None = None

    def is_set(self) -> bool:
        """Whether the run is to stop."""
        return self._set

    def __bool__(self) -> bool:
        return self._set

    @property
    def asked(self) -> bool:
        """Whether somebody asked for the cancellation, so that it can be acknowledged."""
        return self.code == "cancelled"

    async def wait(self) -> None:
        """Returns when the run is to stop."""
        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(event.set)
            except RuntimeError:  # the loop is closed, and with it whoever waited
                _log.debug("nobody waits for a cancellation any more")

        self.add_callback(wake)
        try:
            await event.wait()
        finally:
            self.remove_callback(wake)

    def wait_blocking(self, timeout: float | None = None) -> bool:
        """Blocks the thread until the run is to stop; False when the time ran out."""
        event = threading.Event()
        self.add_callback(event.set)
        try:
            return event.wait(timeout)
        finally:
            self.remove_callback(event.set)

    def add_callback(self, callback: Callable[[], object]) -> None:
        """Calls ``callback`` once when the run is to stop, at once if it is already.

        From a background thread that has other things to do: it must not block.
        """
        with self._lock:
            if not self._set:
                self._callbacks.append(callback)
                return
        callback()

    def remove_callback(self, callback: Callable[[], object]) -> None:
        """Takes it back."""
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def set(self, code: str, reason: str | None, deadline: datetime.datetime | None) -> None:
        """Sets it. The first word counts."""
        with self._lock:
            if self._set:
                return
            self.code, self.reason, self.deadline = code, reason, deadline
            self._set = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback()
            except Exception:
                _log.exception("a callback of a cancel token failed")


def parse_time(text: object) -> datetime.datetime | None:
    """A time of the server, which writes RFC 3339 in UTC."""
    try:
        return datetime.datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
