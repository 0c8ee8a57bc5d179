"""What LangChain's callbacks tell about models, read without trusting any shape of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def model_name(serialized: Any, metadata: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """The model's own name where the integration tells it, else the class."""
    params = given.get("invocation_params") or {}
    found = metadata.get("ls_model_name") or params.get("model") or params.get("model_name") or given.get("name")
    if not found and isinstance(serialized, Mapping):
        path = serialized.get("id") or []
        found = serialized.get("name") or (path[-1] if path else None)
    return str(found or "model")


def token_text(token: Any, chunk: Any) -> str:
    """The text of one token; providers with content blocks give an empty token and put it into the chunk."""
    if isinstance(token, str) and token:
        return token
    return _text(getattr(getattr(chunk, "message", None), "content", token))


def answer(response: Any) -> tuple[str, dict[str, int]]:
    """The text of a model's answer, and the tokens that it used."""
    generations = getattr(response, "generations", None) or [[]]
    first = generations[0][0] if generations[0] else None
    message = getattr(first, "message", None)
    text = _text(getattr(message, "content", None) or getattr(first, "text", ""))
    usage = getattr(message, "usage_metadata", None) or {}
    counts = {key: usage[key] for key in ("input_tokens", "output_tokens", "total_tokens") if key in usage}
    return text, counts


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(each if isinstance(each, str) else str(each.get("text") or "") for each in map(_block, content))
    return ""


def _block(block: Any) -> Any:
    return block if isinstance(block, (str, Mapping)) else {}
