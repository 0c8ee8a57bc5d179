"""Server-Sent Events: bytes into frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import _caps


@dataclass(frozen=True)
class Frame:
    """One event of a stream."""

    #: The name; empty for the default.
    event: str
    data: str
    #: Set where the frame says one; a lone id comes without data.
    id: str | None


class Decoder:
    """Takes bytes as they come, and gives frames. Lines may end with LF, CRLF or CR.

    Our own, because the line splitting of HTTP libraries also splits at U+2028 and others, which JSON may contain.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False
        self._event = ""
        self._id: str | None = None
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[Frame]:
        """The frames that are complete now."""
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r")
        lines = (self._rest + piece).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _caps.SSE_LINE:
            raise ValueError("a line of the stream is too long")
        for line in lines:
            if line:
                self._take(line.decode("utf-8", "replace"))
                continue
            frame = Frame(self._event, "\n".join(self._data), self._id)
            if self._data or self._id is not None:
                yield frame
            self._event, self._id, self._data = "", None, []

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self._id = value
