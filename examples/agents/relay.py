"""The streams of the Milepost server at this application's own address.

A browser opens sockets of its own origin without being asked for permission; with `cors.origins` set at the server, it can
go there directly, and this is not needed.
"""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import quote

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

#: Bytes of one frame; a snapshot may be large.
_FRAME = 64 * 1024 * 1024
#: Close codes that say something about the connection and must not be sent on as they are.
_RESERVED = {1005, 1006, 1015}


def relay(milepost_url: str) -> APIRouter:
    router = APIRouter()
    target = milepost_url.replace("http", "ws", 1)

    @router.websocket("/api/stream/{path:path}")
    async def stream(browser: WebSocket, path: str) -> None:
        await browser.accept()
        query = f"?{browser.url.query}" if browser.url.query else ""
        url = f"{target}/api/stream/{quote(path)}{query}"
        code, reason = 1013, "the Milepost server is away"
        with contextlib.suppress(OSError):
            async with connect(url, max_size=_FRAME) as server:
                code, reason = await _pipe(server, browser)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the browser has closed already
            await browser.close(code, reason)

    return router


async def _pipe(server: ClientConnection, browser: WebSocket) -> tuple[int, str]:
    """Sends on what the server says until either side ends; the code and the reason of the server's end."""
    gone = asyncio.create_task(_gone(browser))
    try:
        while True:
            frame = asyncio.create_task(server.recv(decode=True))
            await asyncio.wait({frame, gone}, return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                frame.cancel()
                return 1000, ""
            await browser.send_text(str(frame.result()))
    except (ConnectionClosed, WebSocketDisconnect):
        code = server.close_code or 1011
        return 1011 if code in _RESERVED else code, server.close_reason or ""
    finally:
        gone.cancel()


async def _gone(browser: WebSocket) -> None:
    """Until the browser has left. What it says is not for anybody."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await browser.receive_text()
