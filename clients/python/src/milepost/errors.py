"""What can go wrong where the caller asked to know."""

from __future__ import annotations

from typing import Any


class MilepostError(Exception):
    """The base of everything that this package raises."""


class Unreachable(MilepostError):
    """The server could not be reached, or broke off in the middle. Trying again may help."""


class Refused(MilepostError):
    """The server understood and refused; nothing was changed."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        cancel: dict[str, Any] | None = None,
        index: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{detail} ({code})")
        #: The HTTP status.
        self.status = status
        #: The code of the catalogue in docs/protocol.md; ``http_<status>`` when the answer was no problem document.
        self.code = code
        #: What happened, for people.
        self.detail = detail
        #: The open cancel request, with ``run_cancelling``.
        self.cancel = cancel
        #: Which event of a batch could not be read.
        self.index = index
        #: Seconds after which the server wants to be asked again.
        self.retry_after = retry_after

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status >= 500 or self.status in (408, 425, 429)


class Cancelled(MilepostError):
    """The run is to stop. Raised by ``run.check_cancelled()`` only, where the work wants to be interrupted."""

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(reason or "the run was cancelled")
        self.reason = reason
