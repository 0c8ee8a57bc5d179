"""How long something that was asked to stop may take to stop by itself."""

from __future__ import annotations

import datetime

from milepost._token import CancelToken

#: Seconds before the deadline at which it is stopped hard, so that its last word is in time; at most this part of what is
#: left.
_LAST_WORD = 1.0
_LAST_PART = 0.2
#: Seconds where no deadline is known: the run was taken away, nobody waits for its word.
_NO_DEADLINE = 5.0


def grace_of(token: CancelToken) -> float:
    """Seconds from now on."""
    if token.deadline is None:
        return _NO_DEADLINE
    left = (token.deadline - datetime.datetime.now(datetime.timezone.utc)).total_seconds()
    return max(0.0, left - min(_LAST_WORD, left * _LAST_PART))
