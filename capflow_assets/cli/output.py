"""What commands print and write for people: the status table, and text files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from capflow_assets.run.status import ModelStatus

CONSOLE = Console(width=None if sys.stdout.isatty() else 140)


def print_status(rows: Sequence[ModelStatus]) -> None:
    """Print the customer x model table, then the reason of everything that is missing."""
    table = Table("customer", "model", "data", "champion", "metric", "baseline", "predictions", "as of", box=None)
    for row in rows:
        colour = {"passed": "green", "blocked": "red", "failed": "red"}[row.data]
        table.add_row(
            row.customer,
            row.model,
            f"[{colour}]{row.data}[/]",
            f"v{row.champion}" if row.champion else "none",
            _metric(row),
            "" if row.baseline is None else f"{row.baseline:.3g}",
            "" if row.predictions is None else f"{row.predictions:,}",
            (row.as_of or "")[:10],
        )
    CONSOLE.print(table)
    for text in dict.fromkeys(f"{row.customer}: {row.note}" for row in rows if row.note and row.data != "passed"):
        CONSOLE.print(f"\n[red]blocked[/] {escape(text)}", highlight=False, soft_wrap=True)
    for row in rows:
        if row.note and row.data == "passed":
            CONSOLE.print(f"[dim]{row.customer} / {row.model}: {escape(row.note)}[/]", highlight=False, soft_wrap=True)


def _metric(row: ModelStatus) -> str:
    if row.value is None:
        return ""
    interval = "" if row.low is None else f" [{row.low:.3g}, {row.high:.3g}]"
    return escape(f"{row.metric} {row.value:.3g}{interval}")


def write_text(path: Path, text: str) -> None:
    """Write the whole file or none; UsageError where it cannot be written."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise click.UsageError(f"--out {path} cannot be written: {error.strerror}") from None
