"""Time limits for calls that may never return: each runs in a thread of its own, and the caller stops waiting.

A driver without time limits is left hanging in that thread. (tenacity retries, but cannot end a call that hangs.)
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

MAX_AHEAD = 2  # items produced before they are asked for


class NoAnswerError(Exception):
    """A call or its next item did not come in time."""


def run_with_timeout(seconds: float, call: Callable[[], T]) -> T:
    """Return or raise what `call` does; raises NoAnswerError if it takes longer than `seconds`."""
    return next(iterate_with_timeout(seconds, lambda: iter([call()])))


def iterate_with_timeout(seconds: float, call: Callable[[], Iterator[T]]) -> Iterator[T]:
    """Yield the items of `call`, all produced in one thread; NoAnswerError if one takes longer than `seconds`."""
    items: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(MAX_AHEAD)
    abandoned = threading.Event()

    def put(what: str, item: T | BaseException | None) -> bool:
        while not abandoned.is_set():
            try:
                items.put((what, item), timeout=0.5)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in call():
                if not put("item", item):
                    return
            put("end", None)
        except BaseException as error:
            put("error", error)

    threading.Thread(target=produce, name="capflow-source", daemon=True).start()
    try:
        while True:
            try:
                what, item = items.get(timeout=seconds)
            except queue.Empty:
                raise NoAnswerError(f"no answer for {seconds:g} seconds") from None
            if what == "end":
                return
            if isinstance(item, BaseException) and what == "error":
                raise item
            yield item  # type: ignore[misc]
    finally:
        abandoned.set()
