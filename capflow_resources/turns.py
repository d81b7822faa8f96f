"""One run at a time for a customer: of two at once, each would publish what the other has just worked on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("capflow.turns")


def in_turn(folder: Path, customers: Iterable[str]) -> Iterator[str]:
    """Each customer while no other process on this machine works on it; those that one works on now come last.

    A process that dies gives up its turn: `folder` holds one locked file a customer, and the lock dies with it.
    """
    busy = []
    for customer in customers:
        with _locked(folder / customer, wait=False) as ours:
            if ours:
                yield customer
            else:
                busy.append(customer)
    for customer in busy:
        log.warning("waiting for another run of '%s' to end", customer)
        with one_at_a_time(folder / customer):
            yield customer


@contextmanager
def one_at_a_time(file: Path) -> Iterator[None]:
    """Hold `file` against every other process of this machine, after waiting for it."""
    with _locked(file, wait=True):
        yield


@contextmanager
def _locked(file: Path, wait: bool) -> Iterator[bool]:
    import fcntl

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
