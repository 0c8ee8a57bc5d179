"""Where a follower stands, and what a frame means there. No IO, so that both followers share it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ._sse import Frame
from .errors import MilepostError, Unreachable
from .fold import Fold
from .types import Event, Snapshot


@dataclass(frozen=True)
class SnapshotUpdate:
    """The tree as it stands; forget what came before."""

    snapshot: Snapshot


@dataclass(frozen=True)
class CaughtUp:
    """What was there when the connection was made has been seen. Comes again after every reconnect."""

    cursor: str | None


@dataclass(frozen=True)
class Reset:
    """Continuity could not be given; a snapshot follows."""

    reason: str


@dataclass(frozen=True)
class Disconnected:
    """The connection is lost; it is made again after a pause."""

    error: MilepostError


@dataclass(frozen=True)
class End:
    """The run is over and everything was seen. The last update."""

    cursor: str | None


Update = Event | SnapshotUpdate | CaughtUp | Reset | Disconnected | End


def split(cursor: str) -> tuple[str, int]:
    """The epoch, empty where it is not said, and the sequence of a cursor."""
    epoch, _, seq = cursor.rpartition("-")
    return epoch, int(seq)


class Position:
    """Folds what comes and proves that nothing is missing."""

    def __init__(self, run: str, project: str, after: str | int | None, *, filtered: bool) -> None:
        self._run, self._project, self._filtered = run, project, filtered
        #: Where it stands: another follower may begin after it. None before anything was seen.
        self.cursor: str | None = None if after is None else str(after)
        #: What was seen so far. None before the first snapshot, and for who began after a cursor until there is a reset.
        self.fold: Fold | None = None
        self._from_start = after is not None and split(str(after)) == ("", 0)
        self._whole = False

    def query(self) -> dict[str, str]:
        """Where the next connection begins."""
        if self.cursor is None:
            return {}
        return {"from": "start"} if self.cursor == "0" else {"after": self.cursor}

    def take(self, frame: Frame) -> Iterator[Update]:
        """What a frame says. Raises :class:`Unreachable` when something is missing: coming back is all that helps."""
        if frame.event == "" and frame.data:
            yield from self._event(json.loads(frame.data), frame.id)
        elif frame.event == "":
            self._skipped(frame.id)
        elif frame.event == "snapshot":
            snapshot: Snapshot = json.loads(frame.data)
            self.fold, self.cursor = Fold(snapshot), snapshot["cursor"]
            self._whole = snapshot["stream"] == self._run and not self._filtered
            yield SnapshotUpdate(snapshot)
        elif frame.event == "caught_up":
            self._arrived(frame.id)
            yield CaughtUp(self.cursor)
        elif frame.event == "reset":
            yield Reset(str(json.loads(frame.data).get("reason")))
        elif frame.event == "end":
            self._arrived(frame.id)
            yield End(self.cursor)

    def _event(self, data: dict[str, Any], cursor: str | None) -> Iterator[Event]:
        event = Event.of(data, cursor)
        epoch, seq = split(self.cursor) if self.cursor is not None else ("", 0)
        self._whole = event.stream == self._run and not self._filtered
        if epoch and cursor and split(cursor)[0] != epoch:
            raise self._gap(cursor)
        if event.seq <= seq:
            return  # known already
        if self._whole and self.cursor is not None and (event.coalesced_from or event.seq) > seq + 1:
            raise self._gap(cursor)
        self.cursor = cursor or f"{epoch}-{event.seq}"
        if self.fold is None and self._from_start:
            self.fold = Fold(project=self._project, epoch=split(self.cursor)[0])
        if self.fold is not None:
            self.fold.apply(event)
        yield event

    def _skipped(self, cursor: str | None) -> None:
        """A lone id: the cursor has moved over events that are not for this viewer."""
        if cursor is not None and not self._whole:
            self.cursor = cursor

    def _arrived(self, cursor: str | None) -> None:
        """The server says that everything up to the cursor was sent."""
        if cursor is None:
            return
        ahead = self.cursor is None or split(cursor)[1] > split(self.cursor)[1]
        if ahead and self._whole:
            raise self._gap(cursor)
        if ahead:
            self.cursor = cursor

    def _gap(self, cursor: str | None) -> Unreachable:
        return Unreachable(f"events are missing between {self.cursor} and {cursor}")
