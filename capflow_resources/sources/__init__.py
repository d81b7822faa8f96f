"""Where customers keep their data: one module for each kind of source, and one way to read any of them."""

from capflow_resources.sources.catalogue import KINDS, fingerprint, read, reading
from capflow_resources.sources.errors import SourceError

__all__ = ["KINDS", "SourceError", "fingerprint", "read", "reading"]
