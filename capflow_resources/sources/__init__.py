"""Where customers keep their data: one module for each kind of source, and one way to read any of them."""

from capflow_resources.sources.catalogue import KINDS, fingerprint, look, read, reading, refuse_empty, settings
from capflow_resources.sources.columns import canonical
from capflow_resources.sources.errors import SourceError
from capflow_resources.sources.kind import Opened, Since

__all__ = [
    "KINDS",
    "Opened",
    "Since",
    "SourceError",
    "canonical",
    "fingerprint",
    "look",
    "read",
    "reading",
    "refuse_empty",
    "settings",
]
