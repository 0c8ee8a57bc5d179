"""Progress of Google ADK invocations, as a plugin of the runner.

>>> app = App(name="support", root_agent=agent, plugins=[MilepostPlugin()])        # doctest: +SKIP

Needs the extra `milepost[adk]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from milepost._agents.values import StateView

if TYPE_CHECKING:
    from .plugin import MilepostPlugin

__all__ = ["MilepostPlugin", "StateView"]


def __getattr__(name: str) -> Any:
    """ADK is imported when it is needed, so that the pure mapping can be used without it."""
    if name != "MilepostPlugin":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from .plugin import MilepostPlugin
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "google":
            raise
        raise ImportError("milepost.adk needs Google ADK: pip install 'milepost[adk]'") from error
    return MilepostPlugin
