"""Going on in another process: what the interrupted run had reported is read back from the server."""

from __future__ import annotations

import logging
from typing import Any

import httpx

from milepost import _http
from milepost._agents.intents import ROOT
from milepost.client import AsyncClient, Client
from milepost.errors import MilepostError
from milepost.types import TERMINAL

from .callback import MilepostCallback
from .calls import Fanout
from .session import Session, is_resuming

_log = logging.getLogger("milepost")


class Earlier:
    """The runs of a tree that waits, as the server has them."""

    def __init__(self, runs: list[Any]) -> None:
        self._runs = runs

    @classmethod
    def fetch(cls, callback: MilepostCallback, graph_input: Any) -> Earlier | None:
        """Blocks for one call. None where nothing is to be gone on with, or the server cannot tell: then it is a run like
        any other."""
        if callback.run_id is None or not is_resuming(graph_input):
            return None
        try:
            return cls(_runs(callback.client, callback.run_id))
        except MilepostError as error:
            _log.info("nothing is known of an earlier part of the run %s: %s", callback.run_id, error)
            return None

    def restore(self, session: Session) -> None:
        """Gives an empty session what it would remember, had it been this process all along."""
        with session.lock:
            if session.mapping.is_empty():
                self._restore(session)

    def _restore(self, session: Session) -> None:
        root, *below = self._runs
        session.may_wait = True
        session.mapping.waiting = root["state"] == "waiting"
        session.emitter.adopt(ROOT, root["id"], waiting=session.mapping.waiting)
        fanouts: dict[str, Fanout] = {}
        for run in below:
            about = run["metadata"] or {}
            over = run["state"] in TERMINAL
            if run["kind"] == "fanout" and not over:
                fanouts[run["id"]] = Fanout(f"fanout {run['id']}", int(about.get("announced", 0)))
                session.emitter.adopt(fanouts[run["id"]].key, run["id"])
            elif run["kind"] == "node" and "ns" in about:
                key, fanout = about.get("key", about["ns"]), fanouts.get(run["parent"])
                name, attempts, state = str(run["name"]), run["attempt"], run["state"]
                session.mapping.known(about["ns"], key, name, attempts=attempts, state=state, fanout=fanout)
                if not over:
                    session.emitter.adopt(key, run["id"], waiting=state == "waiting")


def _runs(client: Client | AsyncClient, run: str) -> list[Any]:
    """One call without an event loop, whichever kind of client it is."""
    try:
        with httpx.Client(**client._options()) as http:
            answer = _http.check(http.get(client._path("runs", run)))
    except httpx.HTTPError as error:
        raise _http.unreachable(error) from error
    return list(answer.json()["runs"])
