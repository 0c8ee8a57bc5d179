"""JSON of whatever user code hands over. Nothing here raises, and the work is bounded by the size that is allowed."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import enum
import json
import math
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import PurePath
from types import ModuleType
from typing import Any

from . import _caps

# Several times as fast on what is small and frequent. LangGraph brings it; nobody needs it.
orjson: ModuleType | None
try:
    import orjson
except ImportError:
    orjson = None

_CUT = "… (cut)"

#: Characters that fit wherever data may stand.
_BRIEF = 4_096


def encode(value: object, limit: int = _caps.DATA_BYTES) -> str:
    """``value`` as JSON of at most ``limit`` bytes. What does not fit is cut, and says so."""
    return write(to_plain(value, limit), limit)


def fit(value: object, limit: int = _caps.VALUE_BYTES) -> Any:
    """``value`` in terms of JSON, as a member of something larger: what is too large even after cutting is an excerpt."""
    conversion = _Plain(limit)
    plain = conversion.of(value, 0)
    if conversion.fits() or len(text := _dumps(plain)) * 4 <= limit or (size := len(text.encode())) <= limit:
        return plain
    return _excerpt(text, size, limit)


def write(plain: object, limit: int = _caps.DATA_BYTES) -> str:
    """The same for what is in terms of JSON already."""
    text = _dumps(plain)
    if 6 * len(text) <= limit:  # whatever the characters
        return text
    size = len(text.encode())
    if size <= limit:
        return text
    return _dumps(_excerpt(text, size, limit))


def brief(data: object) -> str | None:
    """JSON of what its maker knows to be plain, without a second look at each member; None where it needs one: it is long, is
    not ASCII, or cannot be written at all."""
    try:
        text = _dumps(data) if orjson is None else orjson.dumps(data).decode()
    except (TypeError, ValueError, RecursionError):
        return None
    return text if len(text) <= _BRIEF and text.isascii() else None


def _excerpt(text: str, size: int, limit: int) -> dict[str, Any]:
    """What stands for a value that is too large: an object, because some places take nothing else."""
    return {"truncated": True, "bytes": size, "preview": text[: min(4_096, limit // 8)]}


def to_plain(value: object, limit: int = _caps.DATA_BYTES) -> Any:
    """``value`` in terms of JSON, cut at about ``limit`` bytes."""
    return _Plain(limit).of(value, 0)


def label(value: object, limit: int = _caps.LABEL) -> str:
    """``value`` as a text of at most ``limit`` characters."""
    text = _clean(value if isinstance(value, str) else as_text(value))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def sentence(value: object) -> str:
    """``value`` as a text as long as a sentence may be."""
    return label(value, _caps.SENTENCE)


def amount(value: object) -> float | None:
    """``value`` as a count from 0 on; None where it is none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except Exception:
        return None
    if not math.isfinite(number) or number < 0:
        return None
    return int(number) if number.is_integer() and number < 2**53 else number


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def as_text(value: object) -> str:
    """What ``str`` says, if it says anything."""
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _clean(text: str) -> str:
    """Lone surrogates are no Unicode text, and no JSON parser takes them."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


class _Plain:
    """One conversion: what may still be written, and what is being converted above."""

    def __init__(self, budget: int) -> None:
        self._budget = self._allowed = budget
        self._above: set[int] = set()

    def fits(self) -> bool:
        """Whether it is small enough for sure, whatever characters have to be escaped."""
        return 6 * (self._allowed - self._budget) <= self._allowed

    def of(self, value: object, level: int) -> Any:
        self._budget -= 2
        if value is None or value is True or value is False:
            return value
        try:
            return self._scalar(value) if isinstance(value, (str, int, float)) else self._other(value, level)
        except (Exception, RecursionError):
            return f"<{type(value).__name__}>"

    def _scalar(self, value: str | float) -> Any:
        if isinstance(value, enum.Enum):
            return self.of(value.value, 0)
        if isinstance(value, str):
            text = str(value)
            if len(text) > self._budget:
                text = text[: max(self._budget, 0)] + _CUT
            self._budget -= len(text)
            return _clean(text)
        self._budget -= 8
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else None
        return int(value) if abs(value) < 2**63 else (str(value) if abs(value) < 2**4096 else "<a huge int>")

    def _other(self, value: object, level: int) -> Any:
        if level >= _caps.LEVELS:
            return _CUT
        mark = id(value)
        if mark in self._above:
            return "<a cycle>"
        self._above.add(mark)
        try:
            return self._container(value, level)
        finally:
            self._above.discard(mark)

    def _container(self, value: object, level: int) -> Any:
        if isinstance(value, Mapping):
            return self._mapping(value.items(), level)
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._sequence(value, level)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            members = ((field.name, getattr(value, field.name, None)) for field in dataclasses.fields(value))
            return self._mapping(members, level)
        dump = getattr(value, "model_dump", None)
        if callable(dump) and not isinstance(value, type):
            # Not mode="json": that raises on members that pydantic cannot write, and we can.
            return self.of(dump(), level)
        return self._leaf(value, level)

    def _mapping(self, items: Iterable[tuple[object, object]], level: int) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, member in items:
            if self._budget <= 0:
                plain["…"] = _CUT
                break
            name = label(key.value if isinstance(key, enum.Enum) else key)
            self._budget -= len(name) + 3
            plain[name] = self.of(member, level + 1)
        return plain

    def _sequence(self, members: Iterable[object], level: int) -> list[Any]:
        plain: list[Any] = []
        for member in members:
            if self._budget <= 0:
                plain.append(_CUT)
                break
            plain.append(self.of(member, level + 1))
        return plain

    def _leaf(self, value: object, level: int) -> Any:
        if isinstance(value, enum.Enum):
            return self.of(value.value, level + 1)
        if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, (uuid.UUID, PurePath, Decimal)):
            return self._scalar(str(value))
        if isinstance(value, datetime.timedelta):
            return value.total_seconds()
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._scalar(base64.b64encode(bytes(value[: max(self._budget, 0)])).decode())
        if isinstance(value, BaseException):
            return {"type": type(value).__name__, "message": self._scalar(as_text(value))}
        item = getattr(value, "item", None)
        if callable(item) and getattr(value, "ndim", None) == 0:  # a number of numpy
            return self.of(item(), level + 1)
        return self._scalar(as_text(value))
