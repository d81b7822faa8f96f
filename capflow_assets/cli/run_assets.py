"""Run assets of customers for the command line, with one line of progress on stderr for each that is finished."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click

from capflow_assets.contract.outcome import Outcome
from capflow_assets.run.pipeline import UPSTREAM
from capflow_resources.home import Home
from capflow_resources.registry import LedgerEntry

STOPPED = ("blocked", "failed")
TABLES = ("raw/", "validated/")  # a table that a customer does not send is not worth a word
MARKS = {"done": "+", "reused": "=", "not_available": "-", "waiting": "-", "blocked": "x", "failed": "x"}


def run_assets(
    home: Home, customers: list[str], assets: list[str], as_of: datetime | None, force: bool, quiet: bool = False
) -> list[LedgerEntry]:
    """Run and return the outcome of each asset; one that a broken run never reached counts as failed."""
    from capflow_assets.graph.launch import materialise

    with show_progress(quiet):
        errors = materialise(home, customers, assets, as_of, force)
    reached = {
        (row.customer, row.asset): row
        for name in customers
        for row in home.registry.ledger(name)
        if row.run_id in errors and row.asset in assets
    }
    for run_id, error in errors.items():
        if error:
            click.echo(f"run {run_id} broke: {error}", err=True)
    not_reached = "the run broke before this asset was tried: see its log in the UI"
    return [
        reached.get((name, asset)) or LedgerEntry(name, asset, "failed", not_reached)
        for name in customers
        for asset in assets
    ]


class _ProgressLines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        outcome: Outcome = record.__dict__["outcome"]
        if UPSTREAM in outcome.facts or (outcome.status == "not_available" and outcome.asset.startswith(TABLES)):
            return
        rows = outcome.facts.get("rows")
        text = outcome.reason or (f"{rows:,} rows" if isinstance(rows, int) else "")
        mark = click.style(MARKS[outcome.status], fg="red" if outcome.stops else None)
        customer = record.__dict__["customer"]
        seconds = record.__dict__["seconds"]
        click.echo(f"{mark} {customer:<12} {outcome.asset:<28} {seconds:6.1f} s  {_shorten(text)}", err=True)


@contextmanager
def show_progress(quiet: bool = False) -> Iterator[None]:
    """Print the progress of every run inside the block to stderr, unless `quiet`."""
    log = logging.getLogger("capflow.progress")
    handler = _ProgressLines()
    if not quiet:
        log.addHandler(handler)
        log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)


def _shorten(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:97] + "..."
