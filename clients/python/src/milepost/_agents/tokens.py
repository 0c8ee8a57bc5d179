"""Merges the tokens of a model into fewer message parts: one per window, or per so many characters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from .intents import Say

#: Seconds that a token may wait. Long enough to save events, short enough to read as typing.
WINDOW = 0.08
#: Characters after which a part leaves at once.
CHARS = 256
#: Seconds without a token after which the thread ends.
_IDLE = 2.0


class _Part:
    __slots__ = ("chars", "due", "role", "texts")

    def __init__(self, role: str, due: float) -> None:
        self.role = role
        self.due = due
        self.texts: list[str] = []
        self.chars = 0


class TokenMerger:
    """Thread-safe. `emit` is called with merged parts, in the order of each message, sometimes from a thread of its own."""

    def __init__(self, emit: Callable[[Say], None], *, window: float = WINDOW, chars: int = CHARS) -> None:
        self._emit = emit
        self._window = window
        self._chars = chars
        self._parts: dict[tuple[str, str], _Part] = {}
        # Held while emitting: a part must not be overtaken by the next one of its message.
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None

    def add(self, say: Say) -> None:
        with self._changed:
            place = (say.key, say.message)
            part = self._parts.get(place)
            if part is None:
                part = self._parts[place] = _Part(say.role, time.monotonic() + self._window)
            part.texts.append(say.content)
            part.chars += len(say.content)
            if say.final or part.chars >= self._chars:
                self._leave(place, final=say.final)
            else:
                self._wake()

    def is_empty(self) -> bool:
        """Whether nothing is held."""
        return not self._parts

    def flush(self, key: str | None = None) -> None:
        """Lets go of what is held, of one run or of all."""
        if not self._parts:
            return
        with self._changed:
            for place in [each for each in self._parts if key is None or each[0] == key]:
                self._leave(place)

    def _leave(self, place: tuple[str, str], *, final: bool = False) -> None:
        part = self._parts.pop(place)
        self._emit(Say(place[0], place[1], part.role, "".join(part.texts), final))

    def _wake(self) -> None:
        if self._thread is None or not self._thread.is_alive():  # not alive either after a fork
            self._thread = threading.Thread(target=self._tick, name="milepost-tokens", daemon=True)
            self._thread.start()
        elif len(self._parts) == 1:
            self._changed.notify()

    def _tick(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for place in [each for each, part in self._parts.items() if part.due <= now]:
                    self._leave(place)
                next_due = min((part.due for part in self._parts.values()), default=now + _IDLE)
                if not self._changed.wait(next_due - now) and not self._parts:
                    self._thread = None
                    return
