"""Jobs, runs, steps and the like of somebody else's code, read without knowing their classes."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping
from typing import Any

#: What has a place of its own; everything else of a model goes into the metadata.
KNOWN = frozenset(
    [
        "id",
        "project_id",
        "run_id",
        "status",
        "state",
        "stage",
        "message",
        "progress",
        "fraction",
        "current",
        "total",
        "unit",
        "error",
        "error_message",
        "error_code",
        "created_at",
        "updated_at",
        "started_at",
        "finished_at",
        "completed_at",
        "metadata",
        "name",
        "title",
        "result",
        "output",
        "output_data",
        "steps",
        "node_states",
        "messages",
        "values",
        "value",
        "key",
        "node_id",
        "attempt",
    ]
)

#: Where dicts may have their payload.
_PAYLOADS = ("job", "run", "step", "node", "nodeState", "node_state")


class Entity:
    """A model, a dataclass, an object with attributes, or a dict."""

    def __init__(self, source: object) -> None:
        self.source = source
        self._around: Mapping[str, Any] = {}
        if isinstance(source, Mapping):
            for name in _PAYLOADS:
                payload = source.get(name)
                if payload is not None and not isinstance(payload, (str, int, float)):
                    self._around, self.source = source, payload
                    break
            else:
                if isinstance(source.get("message"), Mapping):
                    self._around, self.source = source, source["message"]

    def get(self, *names: str) -> Any:
        """The first of the members that is there; an enum as its value."""
        for name in names:
            value = self._member(name)
            if value is not None:
                return value.value if isinstance(value, enum.Enum) else value
        return None

    def _member(self, name: str) -> Any:
        for holder in (self.source, self._around):
            value = holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)
            if value is not None and not callable(value):
                return value
        return None

    def id(self) -> Any:
        """Its id."""
        return self.get("id", "job_id", "uuid") if not isinstance(self.source, str) else self.source

    def status(self) -> str:
        """Its status in lower case; empty where it has none."""
        status = self.get("status", "state")
        return status.lower() if isinstance(status, str) else ""

    def error(self, given: str | None) -> tuple[object, str | None]:
        """What went wrong, and its code."""
        error = given if given is not None else self.get("error", "error_message")
        code = self.get("error_code")
        if isinstance(error, Mapping):
            return error.get("message") or error, str(error.get("code") or code or "failed")
        return error if error is not None else "failed", None if code is None else str(code)

    def metadata(self) -> dict[str, Any] | None:
        """Its metadata, and the members of the model that have no place of their own."""
        own = self._member("metadata")
        rest = {name: value for name, value in self._members() if name not in KNOWN and value is not None}
        return {**rest, **(own if isinstance(own, Mapping) else {})} or None

    def value(self) -> tuple[str | None, Any]:
        """What a node's state says: ``key`` and ``value``; or no key, and all of ``state``, ``values`` or ``data``."""
        if (key := self._member("key")) is not None:
            return str(key), self._member("value")
        for name in ("state", "values", "data", "value", "output"):
            value = self._member(name)
            if value is not None:
                return (None, value) if isinstance(value, Mapping) else (name, value)
        return None, {name: value for name, value in self._members() if name not in KNOWN and value is not None}

    def _members(self) -> Iterator[tuple[str, Any]]:
        source = self.source
        if isinstance(source, Mapping):
            yield from ((str(name), value) for name, value in source.items())
        elif dataclasses.is_dataclass(source):
            yield from ((field.name, getattr(source, field.name, None)) for field in dataclasses.fields(source))
        elif isinstance(fields := getattr(type(source), "model_fields", None), Mapping):
            yield from ((name, getattr(source, name, None)) for name in fields)
        else:
            members = getattr(source, "__dict__", {}).items()
            yield from ((name, value) for name, value in members if not name.startswith("_"))
