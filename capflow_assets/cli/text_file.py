"""A text that a command was asked to write to a file."""

from __future__ import annotations

from pathlib import Path

import click


def write_text(path: Path, text: str) -> None:
    """The whole file or none; UsageError where it cannot be written."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise click.UsageError(f"--out {path} cannot be written: {error.strerror}") from None
