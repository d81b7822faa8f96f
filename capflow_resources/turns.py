"""One run at a time for a customer: of two at once, each would publish what the other has just worked on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

WAIT_SECONDS = 3600.0
POLL_SECONDS = 0.2

log = logging.getLogger("capflow.turns")


class BusyError(Exception):
    """Another process has kept this one waiting for too long."""


def in_turn(folder: Path, customers: Iterable[str]) -> Iterator[str]:
    """Each customer while no other process on this machine works on it; those that one works on now come last.

    A process that dies gives up its turn: `folder` holds one locked file a customer, and the lock dies with it.
    """
    busy = []
    for customer in customers:
        with _locked(folder / customer) as ours:
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
    """Hold `file` against every other process of this machine, after waiting for it up to an hour: BusyError then."""
    until = monotonic() + WAIT_SECONDS
    while True:
        with _locked(file) as ours:
            if ours:
                yield
                return
        if monotonic() > until:
            raise BusyError(
                f"another process has held {file} for over {WAIT_SECONDS:,} seconds: "
                "see in the UI what still runs, end it if it hangs, then run again"
            )
        sleep(POLL_SECONDS)


@contextmanager
def _locked(file: Path) -> Iterator[bool]:
    import fcntl

    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
