"""Which part of an agent's state leaves the process, and in which form. By default names and sizes alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from milepost._encode import to_plain

_log = logging.getLogger("milepost")

#: Bytes of one value. A run's values are part of every snapshot.
VALUE_BYTES = 4 * 1024
#: Values of one update.
_KEYS = 64


@dataclass(frozen=True)
class StateView:
    """`show`: "sizes" reports the type and the size of each value, "values" the value itself, "nothing" nothing.

    `keys` limits which are reported. `redact(key, value)` returns what may be seen of a value; if it raises, nothing is.
    """

    show: Literal["sizes", "values", "nothing"] = "sizes"
    keys: Collection[str] | Callable[[str], bool] | None = None
    redact: Callable[[str, Any], Any] | None = None
    limit: int = VALUE_BYTES

    def of(self, update: Any) -> dict[str, Any]:
        """What is shown of the update that a node returned. Never raises."""
        if self.show == "nothing":
            return {}
        try:
            if self.keys is None and self.show == "sizes" and type(update) is dict and len(update) <= _KEYS:
                return {str(key): self._shown(key, value) for key, value in update.items()}
            return {key: self._shown(key, value) for key, value in _items(update)[:_KEYS] if self._wanted(key)}
        except Exception:  # foreign mappings may do anything
            _log.debug("state update not shown", exc_info=True)
            return {}

    def _wanted(self, key: str) -> bool:
        if self.keys is None:
            return True
        return self.keys(key) if callable(self.keys) else key in self.keys

    def _shown(self, key: str, value: Any) -> Any:
        if self.show == "sizes":
            kind = type(value)
            return {"type": kind.__name__, "size": len(value)} if hasattr(kind, "__len__") else {"type": kind.__name__}
        if self.redact is not None:
            try:
                value = self.redact(key, value)
            except Exception:
                _log.warning("redact raised for the state key %r; its value is not shown", key, exc_info=True)
                return "<not shown>"
        return to_plain(value, self.limit)


def _items(update: Any) -> list[tuple[str, Any]]:
    """A node returns a mapping, a `Command`, or a list of these."""
    if type(update).__name__ == "Command":
        return _items(update.update)
    if isinstance(update, Mapping):
        return [(str(key), value) for key, value in update.items()]
    if isinstance(update, (list, tuple)):
        if all(isinstance(each, tuple) and len(each) == 2 for each in update):
            return [(str(key), value) for key, value in update]
        return [item for each in update if each is not None for item in _items(each)]
    dump = getattr(update, "model_dump", None)  # a state that is a pydantic model
    return _items(dump()) if callable(dump) else []
