"""The shape of what a graph's stream yields, so that a wrapper may listen to more than its caller asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_CUSTOM = "custom"


@dataclass(frozen=True)
class Item:
    """One item of a stream. `namespace` is that of the sub-graph, empty where it was not asked for."""

    mode: str
    namespace: tuple[str, ...]
    payload: Any


class Shape:
    """Asks for `custom` as well, and gives the caller what was asked for, in the form that LangGraph gives it."""

    def __init__(self, graph: Any, stream_mode: str | Sequence[str] | None, subgraphs: bool, version: str) -> None:
        wanted = stream_mode if stream_mode is not None else graph.stream_mode
        self._single = isinstance(wanted, str)
        self._wanted = [wanted] if isinstance(wanted, str) else list(wanted)
        self._subgraphs = subgraphs
        self._version = version
        self.options: dict[str, Any] = {
            "stream_mode": [*self._wanted, *([] if _CUSTOM in self._wanted else [_CUSTOM])],
            "subgraphs": subgraphs,
            "version": version,
        }

    def read(self, raw: Any) -> Item:
        if self._version == "v2" and isinstance(raw, Mapping):
            return Item(raw["type"], tuple(raw["ns"]), raw["data"])
        if self._subgraphs:
            namespace, mode, payload = raw
            return Item(mode, tuple(namespace), payload)
        mode, payload = raw
        return Item(mode, (), payload)

    def is_wanted(self, item: Item) -> bool:
        return item.mode in self._wanted

    def write(self, item: Item, raw: Any) -> Any:
        """What the caller gets; `raw` is what LangGraph gave."""
        if self._version == "v2" or not self._single:
            return raw
        return (item.namespace, item.payload) if self._subgraphs else item.payload
