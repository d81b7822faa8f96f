"""The engine-specific part of cleaning, where Ibis has no portable expression: one module per engine, same results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from capflow_assets.validated.cleaning import in_duckdb, in_spark

if TYPE_CHECKING:
    import ibis


class Dialect(Protocol):
    """The functions of one engine's module; tests/engines checks that all engines agree."""

    def to_utc(self, local: ibis.Value, zone: str) -> ibis.Value:
        """Convert a local time to UTC; in a repeated hour take the later one."""

    def without_zone(self, moment: ibis.Value) -> ibis.Value:
        """Convert a timestamp with a time zone to UTC without one."""

    def normalise_iso(self, text: ibis.Value) -> ibis.Value:
        """Rewrite an ISO date so that the engine's cast to timestamp accepts it."""

    def parse_time(self, text: ibis.Value, pattern: str) -> ibis.Value:
        """Parse text by a strptime pattern to a local time; null where it does not match."""

    def from_milliseconds(self, count: ibis.Value) -> ibis.Value:
        """Convert milliseconds since 1970 to a UTC timestamp."""

    def microseconds(self, moment: ibis.Value) -> ibis.Value:
        """Convert a UTC timestamp without a zone to microseconds since 1970."""

    def format_number(self, number: ibis.Value) -> ibis.Value:
        """Write a double as text in its shortest form that reads back as the same value."""


def dialect_of(value: ibis.Value) -> Dialect:
    """Return the dialect of the engine that `value` is computed on."""
    return in_duckdb if value.get_backend().name == "duckdb" else in_spark
