"""Live, durable progress of long-running work: the Python client of Milepost."""

from ._outbox import UNKNOWN
from ._token import CancelToken
from ._track import default_client, track, trange
from .client import AsyncClient, Client
from .errors import Cancelled, MilepostError, Refused, Unreachable
from .follow import AsyncFollower, CaughtUp, Disconnected, End, Follower, Reset, SnapshotUpdate
from .run import ArtifactStream, Run, current_run
from .types import Event, RunInfo, Snapshot
from .worker import Worker, worker

__all__ = [
    "UNKNOWN",
    "ArtifactStream",
    "AsyncClient",
    "AsyncFollower",
    "CancelToken",
    "Cancelled",
    "CaughtUp",
    "Client",
    "Disconnected",
    "End",
    "Event",
    "Follower",
    "MilepostError",
    "Refused",
    "Reset",
    "Run",
    "RunInfo",
    "Snapshot",
    "SnapshotUpdate",
    "Unreachable",
    "Worker",
    "current_run",
    "default_client",
    "track",
    "trange",
    "worker",
]
