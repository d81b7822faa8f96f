"""Options that several kinds of source share."""

from __future__ import annotations

from capflow_resources.sources.errors import file_name, source_error
from partitions.customer import Customer, Source

TIMEOUT_SECONDS = 30


def timeout_seconds(customer: Customer, source: Source) -> int:
    """Return the seconds to wait for a connection or an answer: option `timeout_seconds`, 30 by default."""
    value = source.options.get("timeout_seconds", TIMEOUT_SECONDS)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 1:
        remedy = f"Write 1 or more in sources.{source.name}.options.timeout_seconds of {file_name(customer)}."
        raise source_error(customer, source, "timeout_seconds is not a number of seconds", remedy)
    return int(value)
