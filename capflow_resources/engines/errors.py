"""Errors of engines: one line that says why an engine cannot be used, or cannot compute."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

NO_STORE = ("No FileSystem for scheme", "S3AFileSystem not found")


class EngineError(Exception):
    """The engine that a customer asks for cannot be used here, or failed to compute."""


@contextmanager
def raise_in_one_line(place: str = "") -> Iterator[None]:
    """Turn any error of Spark into an EngineError of one line, with the error as its cause.

    `place` is the path or URI that is read or written.
    """
    try:
        yield
    except Exception as error:
        raise EngineError(
            _no_access_message(place) if _lacks_store_client(error) else f"Spark failed: {error_message(error)}"
        ) from error


def error_message(error: Exception) -> str:
    """Return the message of a Spark error, without the Java stack trace."""
    text = str(error).partition("JVM stacktrace")[0]
    lines = [line.strip(": \t") for line in text.splitlines() if not line.startswith("An error occurred while calling")]
    first = next(filter(None, lines), type(error).__name__)
    error_class = re.search(r"\[[A-Z][A-Z_.]{5,}\] [^\n]*", text)  # Spark's own error classes: [CAST_INVALID_INPUT] ...
    return (error_class[0] if error_class else first).strip().rstrip(". ")


def _lacks_store_client(error: Exception) -> bool:
    return any(phrase in str(error) for phrase in NO_STORE)


def _no_access_message(place: str) -> str:
    return (
        f"this Spark has no access to {place.partition('://')[0]}://: name Hadoop's package in engine.options, like "
        "spark.jars.packages: org.apache.hadoop:hadoop-aws:3.4.2, or set CAPFLOW_LAKE to a folder that workers share"
    )
