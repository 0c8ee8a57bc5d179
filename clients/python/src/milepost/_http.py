"""Requests and answers: what both the sync and the async side need."""

from __future__ import annotations

import email.utils
import functools
import json
import os
import random
import ssl
import time
from typing import Any
from urllib.parse import quote

import httpx

from . import _caps
from .errors import MilepostError, Refused, Unreachable

TIMEOUT = httpx.Timeout(_caps.CALL_TIMEOUT, connect=_caps.CONNECT_TIMEOUT)


@functools.lru_cache(1)
def _certificates() -> ssl.SSLContext:
    """Loading them takes tens of milliseconds, so it is done once."""
    return httpx.create_ssl_context()


def options(url: str, token: str | None) -> dict[str, Any]:
    """The arguments of an httpx client for a server."""
    headers = {"User-Agent": "milepost-python"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    verify = _certificates() if url.startswith("https") else False  # without TLS nobody looks at them
    return {"base_url": url, "headers": headers, "timeout": TIMEOUT, "verify": verify}


def configured_url(url: str | None) -> str:
    """The server: the argument, MILEPOST_URL, or the one on this machine."""
    known = (url or os.environ.get("MILEPOST_URL") or "http://127.0.0.1:6453").rstrip("/")
    if not known.startswith(("http://", "https://")):
        raise ValueError(f"{known!r} is no URL of a server: it begins with http:// or https://")
    return known


def configured_token(token: str | None) -> str | None:
    """The token: the argument, or MILEPOST_TOKEN."""
    known = token or os.environ.get("MILEPOST_TOKEN") or None
    if known is not None and not (known.isascii() and known.isprintable() and " " not in known):
        raise ValueError("a token has no spaces, no line breaks and ASCII characters only")
    return known


def path(project: str, *parts: str) -> str:
    """An address of the native API."""
    return "/".join(["/v1/projects", quote(project, safe=""), *(quote(part, safe="") for part in parts)])


def check(response: httpx.Response) -> httpx.Response:
    """The response, if the server did what it was asked for. Its body has to be read."""
    if response.is_success or response.status_code == 304:
        return response
    raise refusal(response)


def answer(response: httpx.Response) -> dict[str, Any]:
    """What a success says. Words that are not of the protocol come from something in between, and say nothing."""
    try:
        body = check(response).json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Unreachable("the answer is not one of a Milepost server")
    return body


def refusal(response: httpx.Response) -> Refused:
    """What a refusal says; its body may be anything, when it comes from a proxy."""
    problem: dict[str, Any] = {}
    try:
        body = json.loads(response.content[: 64 * 1024])
        problem = body if isinstance(body, dict) else {}
    except ValueError:
        pass
    status, cancel, index = response.status_code, problem.get("cancel"), problem.get("index")
    return Refused(
        status,
        str(problem.get("code") or f"http_{status}"),
        str(problem.get("detail") or problem.get("title") or f"the server answered {status}"),
        cancel=cancel if isinstance(cancel, dict) else None,
        index=index if isinstance(index, int) else None,
        retry_after=_retry_after(response.headers.get("Retry-After")),
    )


def unreachable(error: Exception) -> MilepostError:
    """An error of the network in our words."""
    if isinstance(error, MilepostError):
        return error
    return Unreachable(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def pause(failures: int, error: Exception | None) -> float:
    """Seconds before the next try. They grow, with jitter so that many clients do not come back at once."""
    asked = getattr(error, "retry_after", None)
    if asked is not None:
        return float(min(asked, _caps.RETRY_AFTER_MAX)) * random.uniform(1.0, 1.1)  # noqa: S311 - no secret
    longest = min(_caps.RETRY_MAX, _caps.RETRY_MIN * 2.0 ** min(failures, 16))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311


def _retry_after(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return max(float(text), 0.0)
    except ValueError:
        pass
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return None
