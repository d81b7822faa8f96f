"""Where customers keep their data: one module for each kind of source, and one way to read any of them."""

from capflow_resources.sources.catalogue import (
    KINDS,
    explain_errors,
    fingerprint,
    kind_module,
    load_reader,
    open_table,
    read,
    refuse_empty,
    settings_hash,
)
from capflow_resources.sources.columns import to_canonical
from capflow_resources.sources.errors import SourceError
from capflow_resources.sources.reader import Since, SourceTable

__all__ = [
    "KINDS",
    "Since",
    "SourceError",
    "SourceTable",
    "explain_errors",
    "fingerprint",
    "kind_module",
    "load_reader",
    "open_table",
    "read",
    "refuse_empty",
    "settings_hash",
    "to_canonical",
]
