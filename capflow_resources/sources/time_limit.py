"""Work that may never answer, done in a thread of its own and waited for only so long.

A driver without time limits is left hanging there; what waits for it goes on.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")

AHEAD = 2  # how many items are made before they are asked for


class NoAnswerError(Exception):
    """What was waited for did not come in time."""


def run_with_timeout(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns or raises; NoAnswerError when it takes longer than `seconds`."""
    return next(iterate_with_timeout(seconds, lambda: iter([work()])))


def iterate_with_timeout(seconds: float, work: Callable[[], Iterator[T]]) -> Iterator[T]:
    """The items of `work`, all of it done in one other thread; NoAnswerError when one takes longer than `seconds`."""
    items: queue.Queue[tuple[str, T | BaseException | None]] = queue.Queue(AHEAD)
    left = threading.Event()

    def put(what: str, item: T | BaseException | None) -> bool:
        while not left.is_set():
            try:
                items.put((what, item), timeout=0.5)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        try:
            for item in work():
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
        left.set()
