"""The application over HTTP and WebSocket, as a browser uses it."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import chromium, opened
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

TEXT = "A cursor says how far a viewer is. Nothing is lost. A project is a boundary."


class Page:
    """What a page does: posts forms, and listens to the project."""

    def __init__(self, app: str) -> None:
        self.app, self.project = app, f"p-{uuid.uuid4().hex[:8]}"
        self.http = httpx.AsyncClient(base_url=f"{app}/projects/{self.project}", timeout=30)

    async def start(self, path: str, **body: str) -> dict[str, str]:
        answer = await self.http.post(path, json=body)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def listen(self, path: str | None = None) -> Any:
        url = self.app.replace("http", "ws", 1) + (path or f"/api/stream/projects/{self.project}")
        return connect(url, max_size=None)


async def frames(socket: ClientConnection, last: str) -> list[dict[str, Any]]:
    """All frames up to one of the type `last`."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["type"] != last:
        found.append(json.loads(await asyncio.wait_for(socket.recv(), 30)))
    return found


def play(app: str, act: Callable[[Page], Awaitable[str | None]], last: str) -> list[dict[str, Any]]:
    """Listens to a project, acts, and returns the frames up to one of the type `last`."""

    async def main() -> list[dict[str, Any]]:
        page = Page(app)
        async with page.listen() as socket:
            first = json.loads(await socket.recv())
            assert (first["type"], first["projectId"], first["runs"]) == ("snapshot", page.project, [])
            await act(page)
            return await frames(socket, last)

    return asyncio.run(main())


async def to_the_end(listening: Any) -> tuple[list[dict[str, Any]], int]:
    """All frames until the server closes the socket, and the code that it does so with."""
    found = []
    async with listening as socket:
        try:
            while True:
                found.append(json.loads(await asyncio.wait_for(socket.recv(), 30)))
        except ConnectionClosed:
            return found, socket.close_code


def types(found: list[dict[str, Any]]) -> list[str]:
    """The types in order, repetitions once."""
    return [name for name, _ in itertools.groupby(frame["type"] for frame in found)]


def test_the_ingest_service_is_followed(app: str) -> None:
    found = play(app, lambda page: page.start("ingest", name="a.txt", text=TEXT), "ingest.job.completed")
    assert types(found) == ["ingest.job.created", "ingest.job.updated", "ingest.job.completed"]
    assert [frame["sequence"] for frame in found] == sorted(frame["sequence"] for frame in found)
    stages = [frame["job"]["stage"] for frame in found]
    assert [stage for stage, _ in itertools.groupby(stages)] == [None, "PREPROCESSING", "INDEXING"]
    last = found[-1]["job"]
    assert (last["status"], last["progress"], last["current"], last["total"]) == ("completed", 1, 3, 3)


def test_a_failing_job_says_why(app: str) -> None:
    found = play(app, lambda page: page.start("ingest", name="a.txt", text="  "), "ingest.job.failed")
    assert found[-1]["errorMessage"] == "the document has no text"
    assert found[-1]["job"]["status"] == "failed"


def test_the_agent_service_is_followed_step_by_step(app: str) -> None:
    async def act(page: Page) -> None:
        async with page.listen() as socket:
            await page.start("ingest", name="a.txt", text=TEXT)
            await frames(socket, "ingest.job.completed")
        await page.start("agent-runs", question="What is a cursor?")

    found = play(app, act, "agent.run.completed")
    found = [frame for frame in found if not frame["type"].startswith("ingest.")]
    assert types(found)[:2] == ["agent.run.created", "agent.run.updated"]
    steps = [(frame["step"]["name"], frame["step"]["status"]) for frame in found if "step" in frame]
    order = [step for step, _ in itertools.groupby(steps)]
    assert [name for name, status in order if status == "completed"] == ["understand", "search", "answer"]
    values = {frame["nodeState"]["key"]: frame["nodeState"]["value"] for frame in found if "nodeState" in frame}
    assert values["keywords"] == ["a", "cursor", "is", "what"]
    assert values["passages"][0]["text"] == "A cursor says how far a viewer is."
    [message] = [frame["message"] for frame in found if "message" in frame]
    assert (message["content"], message["final"]) == ("A cursor says how far a viewer is.", True)


def test_an_agent_that_finds_nothing_fails(app: str) -> None:
    found = play(app, lambda page: page.start("agent-runs", question="Anything?"), "agent.run.failed")
    assert found[-1]["errorMessage"] == "nothing in the library answers this"


def test_the_workflow_service_is_followed_node_by_node(app: str) -> None:
    found = play(app, lambda page: page.start("workflows/digest/runs", text=TEXT), "workflow.run.completed")
    names = [frame["node"]["name"] for frame in found if frame["type"] == "workflow.node.completed"]
    assert sorted(names) == ["check", "count", "count", "count", "summarise"]
    assert types(found)[0] == "workflow.run.created"
    outputs = [frame["nodeState"]["value"] for frame in found if frame["type"] == "workflow.node_state.updated"]
    assert {"summary": "A cursor says how far a viewer is."} in outputs


def test_a_failing_workflow_says_why(app: str) -> None:
    found = play(app, lambda page: page.start("workflows/digest/runs", text=""), "workflow.run.failed")
    assert found[-1]["errorMessage"] == "there is no text to digest"


def test_the_handler_tells_nodes_values_and_tokens(app: str) -> None:
    found = play(app, lambda page: page.start("graphs", text=TEXT), "workflow.run.completed")
    assert types(found)[0] == "workflow.run.created"
    started = [frame["node"]["name"] for frame in found if frame["type"] == "workflow.node.started"]
    assert sorted(started) == ["check", "count", "count", "count", "summarise"]
    said = "".join(frame["message"]["content"] for frame in found if "message" in frame)
    assert said == "A cursor says how far a viewer is. "
    values = [frame["nodeState"] for frame in found if "nodeState" in frame]
    assert {value["key"] for value in values} >= {"counts", "summary"}


def test_the_handler_tells_a_failing_node(app: str) -> None:
    found = play(app, lambda page: page.start("graphs", text=" "), "workflow.run.failed")
    [node] = [frame for frame in found if frame["type"] == "workflow.node.failed"]
    assert (node["node"]["name"], node["errorMessage"]) == ("check", "there is no text to digest")


@pytest.mark.parametrize("path", ["ingest", "agent-runs", "workflows/digest/runs"])
def test_the_stream_of_one_run_ends_with_it(app: str, path: str) -> None:
    body = {"ingest": {"name": "a", "text": TEXT}, "agent-runs": {"question": "x"}}.get(path, {"text": TEXT})

    async def main() -> None:
        page = Page(app)
        started = await page.start(path, **body)
        code, found = 4404, []
        while code == 4404:  # the run is at the server a moment after the answer
            found, code = await to_the_end(page.listen(started["stream"]))
        assert found[0]["type"] == "snapshot"
        entity = found[-1].get("job") or found[-1]["run"]
        assert (entity["id"], code) == (started["id"], 1000)
        assert entity["status"] in ("completed", "failed")

    asyncio.run(main())


def test_projects_do_not_see_each_other(app: str) -> None:
    async def main() -> None:
        page, other = Page(app), Page(app)
        async with page.listen() as mine, other.listen() as theirs:
            await other.start("ingest", name="b", text=TEXT)
            await frames(theirs, "ingest.job.completed")
            await page.start("ingest", name="a", text=TEXT)
            found = await frames(mine, "ingest.job.completed")
            assert {frame["projectId"] for frame in found} == {page.project}

    asyncio.run(main())


def test_many_pages_see_the_same_in_the_same_order(app: str) -> None:
    async def main() -> None:
        page = Page(app)
        sockets = [await page.listen() for _ in range(20)]
        await page.start("graphs", text=TEXT)
        seen = await asyncio.gather(*(frames(socket, "workflow.run.completed") for socket in sockets))
        orders = {tuple(frame["sequence"] for frame in found if "sequence" in frame) for found in seen}
        assert len(orders) == 1
        await asyncio.gather(*(socket.close() for socket in sockets))

    asyncio.run(main())


def test_a_page_that_comes_back_repairs_itself_by_the_snapshot(app: str) -> None:
    async def main() -> None:
        page = Page(app)
        async with page.listen() as socket:
            job = await page.start("ingest", name="a", text=". Word".join(["One"] * 2_000))
            await frames(socket, "ingest.job.created")
        async with page.listen() as socket:
            found = [json.loads(await socket.recv())]
            # On a quick machine the job is over by now: no run of the project is open, and the job's own stream
            # tells its end.
            if found[0]["runs"]:
                found += await frames(socket, "ingest.job.completed")
        if not found[0]["runs"]:
            frame, _ = await to_the_end(page.listen(job["stream"]))
            found += frame
        assert [frame["type"] for frame in found].count("snapshot") == (1 if found[0]["runs"] else 2)
        assert [run["status"] for run in found[0]["runs"]] in ([], ["running"], ["queued"])
        assert found[-1]["job"]["status"] == "completed"
        assert found[-1]["job"]["current"] == found[-1]["job"]["total"]

    asyncio.run(main())


def test_a_running_job_can_be_cancelled(app: str) -> None:
    async def act(page: Page) -> None:
        async with page.listen() as socket:
            started = await page.start("ingest", name="long", text="Some words. " * 16_000)
            await frames(socket, "ingest.job.created")
            assert (await page.http.post(f"cancel/{started['id']}")).status_code == 202

    found = play(app, act, "ingest.job.cancelled")
    assert found[-1]["job"]["status"] == "cancelled"


def test_a_stream_of_nothing_is_refused(app: str) -> None:
    async def main() -> Any:
        page = Page(app)
        return await to_the_end(page.listen(f"/api/stream/projects/{page.project}/ingest/nothing"))

    [frame], code = asyncio.run(main())
    assert (frame["type"], frame["code"], code) == ("error", "run_not_found", 4404)


def test_the_page_shows_what_happens(app: str, tmp_path: Path) -> None:
    """In a real browser: all four forms are sent, and everything comes to its end on the page."""
    browser = chromium()
    if browser is None:
        pytest.skip("SKIPPED: no Chromium")

    async def main() -> None:
        async with opened(browser, f"{app}/?project={Page(app).project}", tmp_path / "profile") as tab:
            await tab.until("document.querySelector('#connection')?.className === 'open'")
            await tab.evaluate("document.forms[0].requestSubmit()")
            await tab.until("document.querySelector('.status.completed') !== null")
            await tab.evaluate("for (const form of [...document.forms].slice(1)) form.requestSubmit()")
            await tab.until("document.querySelectorAll('.status.completed').length === 4")
            await tab.until("document.querySelectorAll('article').length === 4")
            text = await tab.evaluate("document.querySelector('#runs').innerText")
            assert "A cursor says up to where a viewer has seen a stream." in text
            assert "The same graph without a service." in text
            assert "Cancel" not in text
            await tab.screenshot(Path(os.environ.get("SCREENSHOT") or tmp_path / "page.png"))

    asyncio.run(asyncio.wait_for(main(), 60))
