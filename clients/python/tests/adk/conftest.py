"""These tests need the real package."""

import pytest

from tests.seen import seen

pytest.importorskip("google.adk", reason="SKIPPED: google.adk is not installed (the extra `adk`)")

__all__ = ["seen"]
