"""A real browser, over its DevTools protocol: just enough to open a page, evaluate in it, and take a picture."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

_QUIET = "--no-first-run --disable-gpu --disable-background-networking --disable-component-update --disable-sync"


def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


class Tab:
    def __init__(self, socket: ClientConnection, session: str) -> None:
        self._socket, self._session, self._ids = socket, session, itertools.count(100)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        return await call(self._socket, next(self._ids), method, self._session, **params)

    async def evaluate(self, expression: str) -> Any:
        answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Waits until it is true on the page."""
        while not await self.evaluate(expression):
            await asyncio.sleep(0.05)

    async def screenshot(self, path: Path) -> None:
        answer = await self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))


async def call(socket: ClientConnection, number: int, method: str, session: str | None = None, **params: Any) -> Any:
    await socket.send(
        json.dumps({"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})})
    )
    while True:
        answer = json.loads(await socket.recv())
        if answer.get("id") == number:
            return answer["result"]


@contextlib.asynccontextmanager
async def opened(browser: str, url: str, profile: Path) -> AsyncIterator[Tab]:
    """A page in a browser of its own."""
    arguments = ["--headless", "--no-sandbox", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    process = await asyncio.create_subprocess_exec(
        browser, *arguments, *_QUIET.split(), "--window-size=1280,900", "about:blank", stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        address = None
        while address is None:
            line = (await process.stderr.readline()).decode()
            assert line, "the browser did not start"
            address = re.search(r"ws://\S+", line)
        async with connect(address[0], max_size=None) as socket:
            target = await call(socket, 1, "Target.createTarget", url=url)
            attached = await call(socket, 2, "Target.attachToTarget", targetId=target["targetId"], flatten=True)
            yield Tab(socket, attached["sessionId"])
    finally:
        process.terminate()
        await process.wait()
