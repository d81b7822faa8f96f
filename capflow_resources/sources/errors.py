"""Errors of a customer's source: one line with the customer, the source, what happened and what to do."""

from __future__ import annotations

from collections.abc import Iterable

from partitions.customer import Customer, Source
from partitions.hints import did_you_mean


class SourceError(Exception):
    """A customer's source cannot be read; the message is one line that names the customer, the source, the remedy."""


def source_error(customer: Customer, source: Source, what: str, remedy: str) -> SourceError:
    """Build the SourceError for one source of one customer."""
    one_line = customer.hide(" ".join(what.split()))
    end = "" if one_line.endswith("?") else "."
    return SourceError(f"source '{source.name}' of '{customer.name}': {one_line}{end} {remedy}")


def missing_columns_error(
    customer: Customer, source: Source, table: str, wanted: Iterable[str], found: Iterable[str]
) -> SourceError | None:
    """Build the error for wanted columns that the source lacks, each with the nearest it has; None if all exist."""
    columns = list(found)
    missing = [f"'{name}'{did_you_mean(name, columns)}" for name in wanted if name not in columns]
    if not missing:
        return None
    what = f"there is no column {', nor '.join(missing)}"
    return source_error(customer, source, what, f"Correct tables.{table}.columns in {file_name(customer)}.")


def refuse_case_duplicates(customer: Customer, source: Source, table: str, columns: Iterable[str]) -> None:
    """Raise SourceError for columns that differ only in case: DuckDB would confuse them."""
    alike: dict[str, str] = {}
    for name in columns:
        other = alike.setdefault(name.lower(), name)
        if other != name:
            remedy = f"Map only one of them in tables.{table} of {file_name(customer)}."
            raise source_error(customer, source, f"'{other}' and '{name}' differ only by capital letters", remedy)


def file_name(customer: Customer) -> str:
    """Return the customer file's name as messages show it: customers/acme.yaml."""
    path = customer.path
    return f"{path.parent.name}/{path.name}" if path else f"customers/{customer.name}.yaml"
