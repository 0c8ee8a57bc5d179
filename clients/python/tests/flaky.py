"""A network that breaks: a proxy that cuts connections, before a request has passed or before its answer has."""

from __future__ import annotations

import random
import socket
import threading
from types import TracebackType


class FlakyNetwork:
    """Forwards to a port; each piece may be the last of its connection, by a coin that falls the same way every time."""

    def __init__(self, port: int, odds: float, seed: int) -> None:
        self._port, self._odds, self._random = port, odds, random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def heal(self) -> None:
        """From now on nothing breaks."""
        self._odds = 0

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._port))
            except OSError:
                near.close()
                continue
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while piece := source.recv(65_536):
                with self._lock:
                    cut = self._random.random() < self._odds
                    self.cuts += cut
                if cut:
                    break
                target.sendall(piece)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                end.close()

    def __enter__(self) -> FlakyNetwork:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
