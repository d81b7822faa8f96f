"""What cleaning needs of an engine and Ibis cannot say for all: each engine's own way to the same result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from capflow_assets.validated.cleaning import in_duckdb, in_spark

if TYPE_CHECKING:
    import ibis


class Dialect(Protocol):
    """The module of one engine; tests/engines hold that all of them give the same."""

    @staticmethod
    def to_utc(local: ibis.Value, zone: str) -> ibis.Value:
        """The UTC time of a local time; of a repeated hour the later one."""

    @staticmethod
    def without_zone(moment: ibis.Value) -> ibis.Value:
        """A moment's UTC time without a zone."""

    @staticmethod
    def iso(text: ibis.Value) -> ibis.Value:
        """An ISO date as the engine's cast to a timestamp takes it."""

    @staticmethod
    def parsed(text: ibis.Value, pattern: str) -> ibis.Value:
        """The local time that text says by strptime's pattern; null where it does not fit."""

    @staticmethod
    def from_milliseconds(count: ibis.Value) -> ibis.Value:
        """The UTC time so many milliseconds after 1970."""

    @staticmethod
    def microseconds(moment: ibis.Value) -> ibis.Value:
        """How many microseconds after 1970 a UTC time without a zone is."""

    @staticmethod
    def written(number: ibis.Value) -> ibis.Value:
        """A double as text, in as few digits as tell it from its neighbours."""


def dialect(value: ibis.Value) -> Dialect:
    """The dialect of the engine that `value` is computed on."""
    return in_duckdb if value.get_backend().name == "duckdb" else in_spark  # type: ignore[return-value]
