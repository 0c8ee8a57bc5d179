"""These tests need the real package."""

import pytest

from tests.seen import seen

pytest.importorskip("langgraph", reason="SKIPPED: langgraph is not installed (the extra `langgraph`)")

__all__ = ["seen"]
