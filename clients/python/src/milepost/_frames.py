"""The project's WebSockets: whole entities for pages, instead of events to fold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from . import _caps, _http
from .errors import Refused

#: Close codes that no reconnect would change, with the status that HTTP has for them.
_FINAL = {4400: 400, 4401: 401, 4403: 403, 4404: 404, 4422: 422}


def address(
    url: str,
    project: str,
    ingest: str | None,
    agent_run: str | None,
    workflow_run: str | None,
    types: Sequence[str] | None,
) -> tuple[str, dict[str, str], bool]:
    """The address of a socket, its query, and whether it is that of one run."""
    given = {"ingest": ingest, "agent-runs": agent_run, "workflows/runs": workflow_run}
    named = [f"/{place}/{quote(run, safe='')}" for place, run in given.items() if run is not None]
    if len(named) > 1:
        raise ValueError("name one of an ingest job, an agent run and a workflow run, or none for all of the project")
    place = f"{url.replace('http', 'ws', 1)}/api/stream/projects/{quote(project, safe='')}{''.join(named)}"
    return place, {"types": ",".join(types)} if types else {}, bool(named)


async def frames(
    place: str, query: dict[str, str], headers: dict[str, str], after: str | int | None, *, one: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """The frames, over reconnects. Those of one run go on where they were; those of a project begin with a snapshot again."""
    failures = 0
    while True:
        asked = {**query, **({"after": str(after)} if after is not None else {})}
        error: Exception | None = None
        try:
            target = f"{place}?{urlencode(asked)}" if asked else place
            async with connect(
                target, additional_headers=headers, max_size=_caps.SSE_LINE, open_timeout=_caps.CONNECT_TIMEOUT
            ) as socket:
                async for text in socket:
                    frame = json.loads(text)
                    if frame.get("type") == "error":
                        continue  # the close code says it, too
                    failures = 0
                    if one and isinstance(frame.get("sequence"), int):
                        after = frame["sequence"]
                    yield frame
                if socket.close_code == 1000:
                    return
                _check(socket)
        except ConnectionClosed as closed:
            error = closed
            _check(socket)
        except (OSError, InvalidHandshake, asyncio.TimeoutError, ValueError) as trouble:
            error = trouble
        failures += 1
        await asyncio.sleep(_http.pause(failures - 1, error))


def _check(socket: ClientConnection) -> None:
    code = socket.close_code or 1006
    if code in _FINAL:
        reason = socket.close_reason or "the server does not want this socket"
        raise Refused(_FINAL[code], reason if reason.isidentifier() else f"close_{code}", reason)
