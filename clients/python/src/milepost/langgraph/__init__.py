"""Progress of LangGraph runs, without a change to the graph.

>>> graph.invoke(input, config={"callbacks": [MilepostCallback()]})        # doctest: +SKIP
>>> async for chunk in astream(graph, input): ...                          # doctest: +SKIP

Needs the extra `milepost[langgraph]`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from milepost._agents.values import StateView

if TYPE_CHECKING:
    from .callback import MilepostCallback
    from .streams import astream, stream

__all__ = ["MilepostCallback", "StateView", "astream", "stream"]

_PLACES = {"MilepostCallback": "callback", "astream": "streams", "stream": "streams"}


def __getattr__(name: str) -> Any:
    """LangGraph is imported when it is needed, so that the pure parts can be used without it."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    try:
        value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("langgraph", "langchain_core"):
            raise
        raise ImportError("milepost.langgraph needs LangGraph: pip install 'milepost[langgraph]'") from error
    globals()[name] = value
    return value
