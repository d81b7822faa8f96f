"""Progress of a run on the terminal: one line for each customer and layer as it is finished."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import click

from capflow_assets.contract.outcome import Outcome
from capflow_assets.run.pipeline import UPSTREAM

MARKS = {"done": "+", "reused": "=", "not_available": "-", "waiting": "-", "blocked": "x", "failed": "x"}


TABLES = ("raw/", "validated/")


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        outcome: Outcome = record.__dict__["outcome"]
        if UPSTREAM in outcome.facts or (outcome.status == "not_available" and outcome.asset.startswith(TABLES)):
            return
        rows = outcome.facts.get("rows")
        told = outcome.reason or (f"{rows:,} rows" if isinstance(rows, int) else "")
        mark = click.style(MARKS[outcome.status], fg="red" if outcome.stops else None)
        customer = record.__dict__["customer"]
        seconds = record.__dict__["seconds"]
        click.echo(f"{mark} {customer:<12} {outcome.asset:<28} {seconds:6.1f} s  {_short(told)}", err=True)


@contextmanager
def shown(quiet: bool = False) -> Iterator[None]:
    """Print the progress of every run inside the block to stderr, unless `quiet`."""
    log = logging.getLogger("capflow.progress")
    handler = _Lines()
    if not quiet:
        log.addHandler(handler)
        log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:97] + "..."
