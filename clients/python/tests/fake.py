"""A server of a few lines, for answers that the real one does not give on demand."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

#: What a request is answered with: status, headers, body. None closes the connection without a word.
Answer = tuple[int, dict[str, str], Any] | None


def problem(status: int, code: str, headers: dict[str, str] | None = None, **members: Any) -> Answer:
    return status, headers or {}, {"code": code, "detail": f"it is {code}", "status": status, **members}


class FakeServer:
    """Answers creations and publishes as the real one would, unless a fault is ordered."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        #: Every request: method, path, headers, body.
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        #: The events that were accepted, once by their ids.
        self.events: dict[str, dict[str, Any]] = {}
        #: For the next publishes, one each.
        self.faults: list[Answer] = []
        #: Decides about publishes after the faults: an answer, or None to accept.
        self.judge: Callable[[list[dict[str, Any]]], Answer] = lambda _: None
        self.creating: Callable[[], Answer] = lambda: None
        self.seq = 0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                # Control: nothing to tell, and no waiting.
                self._answer(problem(404, "not_found"))

            def do_POST(self) -> None:
                self._handle()

            def do_PUT(self) -> None:
                self._handle()

            def _handle(self) -> None:
                if self.headers.get("Transfer-Encoding") == "chunked":
                    text = b""
                    while size := int(self.rfile.readline(), 16):
                        text += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    body = json.loads(text) if text else None
                except ValueError:
                    body = text
                self._answer(fake.answer(self.command, self.path, dict(self.headers), body))

            def _answer(self, answer: Answer) -> None:
                if answer is None:
                    self.close_connection = True
                    return
                status, headers, body = answer
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(text))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        with self.lock:
            self.requests.append((method, path, headers, body))
            if path.endswith("/runs"):
                return self.creating() or (
                    201,
                    {},
                    {"run": body["id"], "stream": body["id"], "seq": 2, "cursor": "1-2"},
                )
            if not path.endswith("/events"):
                return 200, {}, {"lease_expires_at": None}
            if self.faults:
                return self.faults.pop(0)
            return self.judge(body) or self.accept(body)

    def accept(self, events: list[dict[str, Any]]) -> Answer:
        answers = []
        for event in events:
            known = self.events.setdefault(event["id"], event)
            self.seq += known is event
            answers.append({"id": event["id"], "seq": self.seq})
        return 200, {}, {"stream": "s", "seq": self.seq, "events": answers}

    def types(self) -> list[str]:
        return [event["type"] for event in self.events.values()]

    def publishes(self) -> list[list[dict[str, Any]]]:
        return [body for _, path, _, body in self.requests if path.endswith("/events")]

    def __enter__(self) -> FakeServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
