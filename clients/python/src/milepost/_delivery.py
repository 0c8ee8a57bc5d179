"""Delivery: one call to the server, and what its answer means for the events in it."""

from __future__ import annotations

import datetime
import json
import logging
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx

from . import _caps, _http
from ._outbox import Create, Entry, Events, Node, Outbox, Progress, Upload
from .errors import MilepostError, Refused

if TYPE_CHECKING:
    from ._engine import Engine

_log = logging.getLogger("milepost")

#: Refusals that nobody needs to hear of: the run was over, and somebody went on for a moment.
_QUIET = frozenset({"run_terminal", "run_cancelling"})


def deliver(engine: Engine, outbox: Outbox, part: list[Entry]) -> None:
    """Sends a part once. What is to be sent again goes back to the outbox, first in line."""
    part = _without_stopped(engine, part)
    if not part:
        return
    try:
        answer = _send(engine, outbox, part)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, MilepostError) as error:
        _failed(engine, outbox, part, _http.unreachable(error))
        return
    outbox.failures = 0
    if engine.take_back("away"):
        _log.info("the server at %s is back", engine.url)
    _accepted(engine, outbox, part, answer)


def _without_stopped(engine: Engine, part: list[Entry]) -> list[Entry]:
    """Leaves out what was taken from the queue before its run was told to stop."""
    kept: list[Entry] = []
    dropped: list[Entry] = []
    for entry in part:
        (dropped if entry.node.stopped() and not entry.acknowledges else kept).append(entry)
    with engine.lock:
        asked = [entry for entry in dropped if entry.ends and entry.node.token.asked]
        engine.acknowledge(asked)
    return kept


def _send(engine: Engine, outbox: Outbox, part: list[Entry]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    if outbox.lease:
        headers["Milepost-Lease"] = outbox.lease
    first = part[0]
    if isinstance(first, Upload):
        return _upload(engine, outbox, first, headers)
    if isinstance(first, Create):
        address, body = _http.path(outbox.project, "runs"), first.body
    else:
        address, body = _http.path(outbox.project, "runs", outbox.top, "events"), _batch(part)
    response = engine.http.post(address, content=body.encode(), headers=headers)
    return _http.answer(response)


def _batch(part: list[Entry]) -> str:
    """The events as they are published. Ids and types have characters that JSON takes as they are."""
    now, written = time.time(), []
    for entry in part:
        late = _time(entry, now)
        for event_id, kind, data in entry.published():
            written.append(f'{{"id":"{event_id}","run":"{entry.node.id}","type":"{kind}"{late},"data":{data}}}')
    return f"[{','.join(written)}]"


def _time(entry: Entry, now: float) -> str:
    """When it happened, where that was a while ago. Else the clock of the server is the better one."""
    at = entry.at if isinstance(entry, (Events, Progress)) else 0.0
    if not at or now - at < 1.0:
        return ""
    text = datetime.datetime.fromtimestamp(at, datetime.timezone.utc).isoformat(timespec="milliseconds")
    return f',"time":"{text.replace("+00:00", "Z")}"'


def _upload(engine: Engine, outbox: Outbox, entry: Upload, headers: dict[str, str]) -> dict[str, Any]:
    address = _http.path(outbox.project, "runs", entry.node.id, "artifacts", entry.artifact)
    headers["Content-Type"] = "application/octet-stream"  # its own media type is in the query, where any text may be
    source = entry.source
    content = source if isinstance(source, bytes) else _pieces(source)
    response = engine.http.put(address, params=entry.query, content=content, headers=headers)
    return _http.answer(response)


def _pieces(source: os.PathLike[str]) -> Iterator[bytes]:
    try:
        with open(source, "rb") as file:
            while piece := file.read(_caps.UPLOAD_CHUNK):
                yield piece
    except OSError as error:
        raise Refused(0, "unreadable", f"the file cannot be read: {error.strerror}") from error


def _accepted(engine: Engine, outbox: Outbox, part: list[Entry], answer: dict[str, Any]) -> None:
    now = time.monotonic()
    with engine.lock:
        if isinstance(part[0], Create):
            outbox.stream = answer.get("stream", outbox.stream)
        for entry in part:
            entry.node.last_word = now
            if entry.ends:
                entry.node.leave()
    for entry in part:
        _discard(entry)
    cancel = answer.get("cancel")
    if isinstance(cancel, dict):
        cancelled(engine, outbox, cancel, part[0].node if len(part) == 1 else None)


def cancelled(engine: Engine, outbox: Outbox, cancel: dict[str, Any], about: Node | None) -> bool:
    """Takes note of a cancel request. Whether it was news.

    A request on a run that is not ours is one above ours: above all of them when we work on a part of a tree, else above
    the run that was asked about, where it is known which one that was.
    """
    named = outbox.nodes.get(str(cancel.get("run")))
    if named is None and outbox.top != outbox.stream:
        named = outbox.nodes.get(outbox.top)
    named = named or about
    if named is None or named.stopped():
        return False
    engine.stop(named, "cancelled", cancel.get("reason"), cancel.get("deadline"))
    return True


def _failed(engine: Engine, outbox: Outbox, part: list[Entry], error: MilepostError) -> None:
    if not isinstance(error, Refused) or error.transient:
        _again(engine, outbox, part, error)
    elif error.code == "lease_lost":
        for node in list(outbox.nodes.values()):
            engine.stop(node, "lease_lost", "another worker may have the run")
        engine.fail(outbox, error)
        _log.warning("run %s: the lease is lost, nothing more is published: %s", outbox.top, error)
    elif error.status in (401, 403) or isinstance(part[0], Create):
        engine.fail(outbox, error)
        engine.say_once(f"fatal {error.code}", "run %s: nothing can be published: %s", outbox.top, error)
        for entry in part:
            _discard(entry)
    else:
        _refused(engine, outbox, part, error)


def _again(engine: Engine, outbox: Outbox, part: list[Entry], error: MilepostError) -> None:
    pause = _http.pause(outbox.failures, error)
    engine.say_once("away", "%s does not take reports (%s): they are kept and sent later", engine.url, error)
    _log.debug("publishing again in %.2f s: %s", pause, error)
    with engine.lock:
        outbox.failures += 1
        outbox.parts.appendleft(part)
        outbox.not_before = time.monotonic() + pause


def _refused(engine: Engine, outbox: Outbox, part: list[Entry], error: Refused) -> None:
    """Gives up those that the refusal is about, and puts back the others: a refused batch has changed nothing."""
    culprit = 0 if len(part) == 1 else _culprit(part, error)
    if error.cancel is not None:
        news = cancelled(engine, outbox, error.cancel, None if culprit is None else part[culprit].node)
        if not news and culprit is not None:
            engine.stop(part[culprit].node, "cancelled", error.cancel.get("reason"), error.cancel.get("deadline"))
        if news or culprit is not None:
            with engine.lock:
                outbox.parts.appendleft(part)
            return
    with engine.lock:
        if culprit is None:
            # The halves tell whose fault it is, and are taken where the whole was too large.
            half = len(part) // 2
            outbox.parts.extendleft((part[half:], part[:half]))
            return
        entry = part.pop(culprit)
        if entry.ends:
            entry.node.leave()
        if part:
            outbox.parts.appendleft(part)
    _given_up(engine, entry, error)


def _given_up(engine: Engine, entry: Entry, error: Refused) -> None:
    _discard(entry)
    if error.code in _QUIET:
        _log.debug("run %s: %s", entry.node.id, error)
        if error.code == "run_terminal" and not entry.node.ended:
            engine.stop(entry.node, "run_terminal", "the run is over")
            entry.node.leave()
        return
    kinds = [kind for _, kind, _ in entry.published()] or [type(entry).__name__.lower()]
    if kinds == ["run.started"] and error.code == "illegal_transition":
        return  # somebody else has started it
    engine.say_once(f"{kinds} {error.code}", "run %s: %s was refused: %s", entry.node.id, ", ".join(kinds), error)
    if isinstance(entry, Upload) and error.code == "unreadable":
        data = json.dumps({"artifact": entry.artifact, "error": {"code": error.code, "message": error.detail}})
        event = (engine.ids.next(), "artifact.failed", data)
        with engine.lock:
            entry.node.outbox.parts.appendleft([Events(entry.node, size=len(data), events=[event])])


def _culprit(part: list[Entry], error: Refused) -> int | None:
    """The entry that has the event which the server names."""
    if error.index is None:
        return None
    end = 0
    for at, entry in enumerate(part):
        end += len(entry.published())
        if error.index < end:
            return at
    return None


def _discard(entry: Entry) -> None:
    if isinstance(entry, Upload) and entry.temporary and not isinstance(entry.source, bytes):
        try:
            os.unlink(entry.source)
        except OSError as error:
            _log.debug("a temporary file is left over: %s", error)
