"""Ids: 1 to 128 characters of ``A-Z a-z 0-9 . _ ~ : -``."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import re
import time

from . import _caps
from ._encode import as_text

_VALID = re.compile(r"[A-Za-z0-9._~:-]{1,128}\Z")
_INVALID_CHARACTER = re.compile(r"[^A-Za-z0-9._:-]")


#: Our own, because users seed the common one to get the same numbers again. The system is asked once and not for every id:
#: that gives up the interpreter, which costs more than the rest of a report.
_random = random.Random()  # noqa: S311 - ids are no secrets
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def token() -> str:
    """80 random bits."""
    return f"{_random.getrandbits(80):020x}"


def new_run_id() -> str:
    """An id that sorts by time, as those of the server do."""
    return f"{time.time_ns() // 1_000_000:012x}-{token()}"


def is_id(text: str) -> bool:
    """Whether the server takes it."""
    return _VALID.match(text) is not None and text not in (".", "..")


def as_id(value: object) -> str:
    """``value`` as an id: as it is if it is one, else with what is not allowed written as ``~`` and its code."""
    text = as_text(value)
    if is_id(text):
        return text
    escaped = _INVALID_CHARACTER.sub(lambda match: f"~{ord(match[0]):x}~", text)
    if is_id(escaped):
        return escaped
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
    return f"{escaped[: _caps.ID - 33].strip('.')}~{digest}"


class EventIds:
    """Ids of events: unique in the world by their beginning, cheap because the rest counts up."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begins anew, as a forked process has to."""
        self._beginning = f"{os.urandom(12).hex()}-"
        self._numbers = itertools.count(1)

    def next(self) -> str:
        """The next id. From any thread."""
        return f"{self._beginning}{next(self._numbers)}"
