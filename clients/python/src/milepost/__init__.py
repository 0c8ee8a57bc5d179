"""Live, durable progress of long-running work: the Python client of Milepost."""

from ._outbox import UNKNOWN
from ._token import CancelToken
from .client import AsyncClient, Client
from .errors import Cancelled, MilepostError, Refused, Unreachable
from .run import ArtifactStream, Run, current_run
from .types import Event, RunInfo, Snapshot

__all__ = [
    "UNKNOWN",
    "ArtifactStream",
    "AsyncClient",
    "CancelToken",
    "Cancelled",
    "Client",
    "Event",
    "MilepostError",
    "Refused",
    "Run",
    "RunInfo",
    "Snapshot",
    "Unreachable",
    "current_run",
]
