"""``for x in milepost.track(items)``: a progress bar for everybody who watches the run."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Generic, TypeVar

from ._outbox import UNKNOWN
from .client import Client
from .run import Run, current_run

_T = TypeVar("_T")
_default: Client | None = None
_default_lock = threading.Lock()


def default_client() -> Client:
    """The client of the environment, shared by those who were given none."""
    global _default
    with _default_lock:
        if _default is None:
            _default = Client()
        return _default


class track(Generic[_T]):  # noqa: N801 - used as the function that tqdm is
    """Reports how far an iteration is: takes what ``tqdm`` takes, as far as it makes sense without a terminal.

    Inside of a run it is a child of that run, so that bars can be nested; elsewhere a run of its own. ``desc``, ``total``,
    ``unit``, ``initial``, ``disable`` and ``leave`` mean what they do there; what only draws is accepted and ignored.
    """

    def __init__(
        self,
        iterable: Iterable[_T] | None = None,
        desc: str | None = None,
        total: float | None = None,
        leave: bool | None = True,
        *,
        unit: str = "it",
        initial: float = 0,
        disable: bool = False,
        postfix: object = None,
        run: Run | None = None,
        client: Client | None = None,
        kind: str = "task",
        **_drawing: Any,
    ) -> None:
        self.iterable, self.desc, self.unit, self.disable = iterable, desc, unit, disable
        self.total = total if total is not None else _length(iterable)
        self.n: float = initial
        self.leave = leave
        #: The run; None where it is disabled.
        self.run: Run | None = None
        self.start_t = time.time()
        self._exit = contextlib.ExitStack()
        self._closed = disable
        if not disable:
            above = run or current_run()
            self.run = above.child(kind, desc) if above else (client or default_client()).run(kind, name=desc)
            self._report(postfix)

    def __iter__(self) -> Iterator[_T]:
        if self.iterable is None:
            raise TypeError("there is nothing to iterate over")
        if self.run is None:
            yield from self.iterable
            return
        with self:
            for item in self.iterable:
                yield item
                self.update()

    def __len__(self) -> int:
        if self.total is None:
            raise TypeError("the number of items is not known")
        return int(self.total)

    def __bool__(self) -> bool:
        return True

    def update(self, n: float | None = 1) -> bool | None:
        """Counts on."""
        self.n += 1 if n is None else n
        if self.run is not None:
            self.run.progress(self.n)
        return None

    def refresh(self, *_args: Any, **_options: Any) -> None:
        """Reports what was set on the object itself: ``n``, ``total``."""
        self._report(None)

    def reset(self, total: float | None = None) -> None:
        """Begins anew, as another attempt."""
        self.n = 0
        self.total = total if total is not None else self.total
        if self.run is not None:
            self.run.restarted()
        self._report(None)

    def set_description(self, desc: str | None = None, refresh: bool = True) -> None:  # noqa: ARG002
        """Says what it is doing: the stage of the run."""
        self.desc = desc
        if self.run is not None and desc is not None:
            self.run.progress(stage=desc)

    set_description_str = set_description

    def set_postfix(self, ordered_dict: Any = None, refresh: bool = True, **values: Any) -> None:  # noqa: ARG002
        """Says how it goes: the message of the run."""
        members = {**(dict(ordered_dict) if ordered_dict else {}), **values}
        self.set_postfix_str(", ".join(f"{name}={_short(value)}" for name, value in members.items()))

    def set_postfix_str(self, s: str = "", refresh: bool = True) -> None:  # noqa: ARG002
        """The same as text."""
        if self.run is not None:
            self.run.progress(message=s)

    def close(self) -> None:
        """Completes the run."""
        if not self._closed and self.run is not None:
            self._closed = True
            self.run.complete()

    @classmethod
    def write(cls, s: str, file: Any = None, end: str = "\n", nolock: bool = False) -> None:  # noqa: ARG003
        """Prints, as there is no bar in the way."""
        print(s, file=file, end=end)

    def _report(self, postfix: object) -> None:
        if self.run is not None:
            total = UNKNOWN if self.total is None else self.total
            self.run.progress(self.n, total, self.unit, self.desc, postfix)

    def __enter__(self) -> track[_T]:
        if self.run is not None and not self._closed:
            self._exit.enter_context(self.run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        # An iteration that is left by ``break`` is not cancelled: its consumer has what it wanted.
        if isinstance(error, GeneratorExit):
            kind = error = trace = None
        self._exit.__exit__(kind, error, trace)


def trange(*args: int, **options: Any) -> track[int]:
    """``track(range(…))``."""
    return track(range(*args), **options)


def _length(iterable: object) -> float | None:
    try:
        return len(iterable)  # type: ignore[arg-type]
    except (TypeError, AttributeError):
        hint = getattr(iterable, "__length_hint__", None)
        return hint() if callable(hint) else None


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
