"""What is said when a customer's source cannot be read: which customer and source, what happened, what to do."""

from __future__ import annotations

from collections.abc import Iterable

from partitions.customer import Customer, Source
from partitions.hints import did_you_mean


class SourceError(Exception):
    """A customer's source cannot be read; the message is one line that names the customer, the source, the remedy."""


def source_error(customer: Customer, source: Source, what: str, remedy: str) -> SourceError:
    """A SourceError for one source of one customer."""
    one_line = customer.hide(" ".join(what.split()))
    end = "" if one_line.endswith("?") else "."
    return SourceError(f"source '{source.name}' of '{customer.name}': {one_line}{end} {remedy}")


def missing_columns_error(
    customer: Customer, source: Source, table: str, wanted: Iterable[str], found: Iterable[str]
) -> SourceError | None:
    """The error for wanted columns that the source lacks, each with the nearest one that it has; None for none."""
    columns = list(found)
    missing = [f"'{name}'{did_you_mean(name, columns)}" for name in wanted if name not in columns]
    if not missing:
        return None
    what = f"there is no column {', nor '.join(missing)}"
    return source_error(customer, source, what, f"Correct tables.{table}.columns in {file_name(customer)}.")


def refuse_case_duplicates(customer: Customer, source: Source, table: str, columns: Iterable[str]) -> None:
    """SourceError for columns that differ only by capital letters: DuckDB would take one for the other."""
    alike: dict[str, str] = {}
    for name in columns:
        other = alike.setdefault(name.lower(), name)
        if other != name:
            remedy = f"Map only one of them in tables.{table} of {file_name(customer)}."
            raise source_error(customer, source, f"'{other}' and '{name}' differ only by capital letters", remedy)


def file_name(customer: Customer) -> str:
    """The customer file as a reader knows it: customers/acme.yaml."""
    path = customer.path
    return f"{path.parent.name}/{path.name}" if path else f"customers/{customer.name}.yaml"
