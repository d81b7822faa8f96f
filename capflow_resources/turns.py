"""One run at a time for a customer: of two at once, each would publish what the other has just worked on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_SECONDS = 3600.0
POLL_SECONDS = 0.2

log = logging.getLogger("capflow.turns")


class BusyError(Exception):
    """Another process has kept this one waiting for too long."""


def in_turn(folder: Path, customers: Iterable[str]) -> Iterator[str]:
    """Yield each customer while no other process of this machine works on it; those that are busy now come last.

    `folder` holds one lock file per customer. The lock dies with its process. Raises BusyError after WAIT_SECONDS.
    """
    busy = []
    for customer in customers:
        with _try_lock(folder / customer, seconds=0) as is_ours:
            if is_ours:
                yield customer
            else:
                busy.append(customer)
    for customer in busy:
        log.warning("waiting for another run of '%s' to end", customer)
        with one_at_a_time(folder / customer):
            yield customer


@contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """Lock `file` against every other process of this machine; raise BusyError if that takes over WAIT_SECONDS."""
    with _try_lock(file, WAIT_SECONDS) as is_ours:
        if not is_ours:
            raise BusyError(
                f"another process has held {file} for over {WAIT_SECONDS:,} seconds: "
                "see in the UI what still runs, end it if it hangs, then run again"
            )
        yield


@contextmanager
def _try_lock(file: Path, seconds: float) -> Iterator[bool]:
    """Yield whether the lock was free, or became free within `seconds`; hold it until the block ends."""
    from filelock import FileLock, Timeout

    file.parent.mkdir(parents=True, exist_ok=True)
    # Only a lock of the kernel dies with its process: no fallback to a file that stays after kill -9.
    # Not thread-local: a generator may be closed by another thread than the one that began it.
    lock = FileLock(file, poll_interval=POLL_SECONDS, thread_local=False, fallback_to_soft=False)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
