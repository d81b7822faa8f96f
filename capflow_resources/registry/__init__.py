"""Model versions, champions, events and the ledger of every customer, in SQLite or PostgreSQL."""

from capflow_resources.registry.records import Event, LedgerEntry, Metrics, RegistryError, Status, Version
from capflow_resources.registry.registry import Registry

__all__ = ["Event", "LedgerEntry", "Metrics", "Registry", "RegistryError", "Status", "Version"]
