"""JSON Patch (RFC 6902), for values that are changed in place."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any


class PatchError(ValueError):
    """The patch does not apply."""


def patched(document: Any, operations: Sequence[dict[str, Any]]) -> Any:
    """The document after all operations; the one that is given stays as it is."""
    holder = {"": copy.deepcopy(document)}
    for operation in operations:
        try:
            _apply(holder, operation)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise PatchError(f"{operation}: {error}") from error
    return holder[""]


def _apply(holder: dict[str, Any], operation: dict[str, Any]) -> None:
    name, path = operation["op"], operation["path"]
    if name == "test":
        if not _same(_get(holder, path), operation["value"]):
            raise PatchError("the value is another one")
    elif name == "add":
        _add(holder, path, copy.deepcopy(operation["value"]))
    elif name == "remove":
        _remove(holder, path)
    elif name == "replace":
        _remove(holder, path)
        _add(holder, path, copy.deepcopy(operation["value"]))
    elif name == "copy":
        _add(holder, path, copy.deepcopy(_get(holder, operation["from"])))
    elif name == "move":
        if path.startswith(operation["from"] + "/"):
            raise PatchError("nothing can be moved into itself")
        _add(holder, path, _remove(holder, operation["from"]))
    else:
        raise PatchError("the operation is not known")


def _place(holder: dict[str, Any], pointer: str) -> tuple[Any, str]:
    """What holds the value, and under which name."""
    if pointer and not pointer.startswith("/"):
        raise PatchError(f"{pointer!r} is no pointer")
    names = [name.replace("~1", "/").replace("~0", "~") for name in pointer.split("/")]
    parent: Any = holder
    for name in names[:-1]:
        parent = parent[_index(parent, name)] if isinstance(parent, list) else parent[name]
    return parent, names[-1]


def _index(array: list[Any], name: str, *, end: bool = False) -> int:
    if not (name.isascii() and name.isdigit()) or (len(name) > 1 and name[0] == "0"):
        raise PatchError(f"{name!r} is no index")
    index = int(name)
    if index >= len(array) + end:
        raise PatchError(f"there is no index {index}")
    return index


def _get(holder: dict[str, Any], pointer: str) -> Any:
    parent, name = _place(holder, pointer)
    return parent[_index(parent, name)] if isinstance(parent, list) else parent[name]


def _add(holder: dict[str, Any], pointer: str, value: Any) -> None:
    parent, name = _place(holder, pointer)
    if isinstance(parent, list):
        parent.insert(len(parent) if name == "-" else _index(parent, name, end=True), value)
    elif isinstance(parent, dict):
        parent[name] = value
    else:
        raise PatchError("only objects and arrays have members")


def _remove(holder: dict[str, Any], pointer: str) -> Any:
    parent, name = _place(holder, pointer)
    return parent.pop(_index(parent, name)) if isinstance(parent, list) else parent.pop(name)


def _same(left: Any, right: Any) -> bool:
    """Equality of JSON, where true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)
