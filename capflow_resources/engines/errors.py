"""What is said when an engine cannot be used, or cannot compute."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

NO_STORE = ("No FileSystem for scheme", "S3AFileSystem not found")


class EngineError(Exception):
    """The engine that a customer asks for cannot be used here, or failed at its work."""


@contextmanager
def in_one_line(place: str = "") -> Iterator[None]:
    """Any error of Spark as an EngineError of one line, with the error as its cause; `place` is what it works on."""
    try:
        yield
    except Exception as error:
        raise EngineError(_no_access(place) if _is_far(error) else f"Spark failed: {said(error)}") from error


def said(error: Exception) -> str:
    """What an error of Spark says, without the Java that said it."""
    text = str(error).partition("JVM stacktrace")[0]
    lines = [line.strip(": \t") for line in text.splitlines() if not line.startswith("An error occurred while calling")]
    first = next(filter(None, lines), type(error).__name__)
    named = re.search(r"\[[A-Z][A-Z_.]{5,}\] [^\n]*", text)  # Spark's own classes of errors: [CAST_INVALID_INPUT] ...
    return (named[0] if named else first).strip().rstrip(". ")


def _is_far(error: Exception) -> bool:
    return any(words in str(error) for words in NO_STORE)


def _no_access(place: str) -> str:
    return (
        f"this Spark has no access to {place.partition('://')[0]}://: name Hadoop's package in engine.options, like "
        "spark.jars.packages: org.apache.hadoop:hadoop-aws:3.4.2, or set CAPFLOW_LAKE to a folder that workers share"
    )
