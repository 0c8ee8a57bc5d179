"""Three services and a LangGraph workflow, followed live in a browser.

    python examples/agents/app.py            then open http://127.0.0.1:8000

Starts a Milepost server too if none runs. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from milepost_server import running_server
from models import new_id
from pydantic import BaseModel, Field
from relay import relay
from services.agent import AgentService
from services.ingest import IngestService
from services.workflow import WorkflowService
from workflows import digest

import milepost
from milepost import streaming
from milepost.langgraph import MilepostCallback, StateView, astream

PAGE = Path(__file__).parent / "page" / "index.html"
#: The demo takes what fits into a form.
_TEXT = 200_000


class Document(BaseModel):
    name: str = Field(max_length=200)
    text: str = Field(max_length=_TEXT)


class Question(BaseModel):
    question: str = Field(max_length=2_000)


class Text(BaseModel):
    text: str = Field(max_length=_TEXT)


class Started(BaseModel):
    """`stream` is the path of the WebSocket that shows it, here and at the Milepost server."""

    id: str
    stream: str


class Tasks:
    """What is at work, so that it can be cancelled, and is not collected as garbage."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    def start(self, name: str, work: Any) -> None:
        task = self._tasks[name] = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    def cancel(self, name: str) -> bool:
        task = self._tasks.get(name)
        return task is not None and task.cancel()


def create_app(milepost_url: str) -> FastAPI:
    streaming.configure(url=milepost_url)
    app, tasks = FastAPI(title="Milepost: agents"), Tasks()
    app.include_router(relay(milepost_url))
    ingest = IngestService()
    agents = AgentService(ingest.libraries)
    workflows = WorkflowService({"digest": digest()})

    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(PAGE)

    @app.post("/projects/{project}/ingest", status_code=202)
    async def ingest_document(project: str, document: Document) -> Started:
        job = ingest.create_job(project, document.name, document.text)
        tasks.start(job.id, asyncio.to_thread(ingest.process_job, job.id))
        return Started(id=job.id, stream=f"/api/stream/projects/{project}/ingest/{job.id}")

    @app.post("/projects/{project}/agent-runs", status_code=202)
    async def ask_agent(project: str, question: Question) -> Started:
        run = agents.create_run(project, question.question)
        tasks.start(run.id, agents.execute_run(run.id))
        return Started(id=run.id, stream=f"/api/stream/projects/{project}/agent-runs/{run.id}")

    @app.post("/projects/{project}/workflows/{workflow}/runs", status_code=202)
    async def run_workflow(project: str, workflow: str, text: Text) -> Started:
        if workflow != "digest":
            raise HTTPException(404, "the only workflow is `digest`")
        run = workflows.create_run(project, workflow)
        tasks.start(run.id, workflows.execute_workflow(run.id, {"text": text.text}))
        return Started(id=run.id, stream=f"/api/stream/projects/{project}/workflows/runs/{run.id}")

    @app.post("/projects/{project}/graphs", status_code=202)
    async def run_graph(project: str, text: Text) -> Started:
        """The same graph with `milepost.langgraph`: no service, no events by hand."""
        run_id = new_id("graph")
        tasks.start(run_id, _graph(milepost.AsyncClient(milepost_url, project), run_id, text.text))
        return Started(id=run_id, stream=f"/api/stream/projects/{project}/workflows/runs/{run_id}")

    @app.post("/projects/{project}/cancel/{name}", status_code=202)
    async def cancel(project: str, name: str) -> None:
        if name in ingest.jobs:
            ingest.cancel_job(name)
        elif name.startswith("graph-"):
            await milepost.AsyncClient(milepost_url, project).cancel(name, "asked for on the page", 5)
        elif not tasks.cancel(name):
            raise HTTPException(404, "nothing of that name is at work")

    return app


async def _graph(client: milepost.AsyncClient, run_id: str, text: str) -> None:
    callback = MilepostCallback(client, run_id=run_id, kind="workflow", name="digest", state=StateView("values"))
    # It yields what the graph's own stream yields; asked for messages, models give their tokens as they come.
    async for _ in astream(digest(), {"text": text}, callback=callback, stream_mode="messages"):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description="Three services and a LangGraph workflow, followed live in a browser.")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")), help="0 for a free one")
    options = parser.parse_args()
    with running_server() as milepost_server:
        listener = socket.create_server(("127.0.0.1", options.port))
        print(f"open http://127.0.0.1:{listener.getsockname()[1]} (Milepost at {milepost_server.url})", flush=True)
        # uvicorn raises the signal again when it has stopped; the server that was started here is to be stopped then, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        server = uvicorn.Server(uvicorn.Config(create_app(milepost_server.url), log_level="warning"))
        server.run(sockets=[listener])


if __name__ == "__main__":
    main()
