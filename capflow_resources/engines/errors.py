"""What is said when an engine cannot be used."""

from __future__ import annotations


class EngineError(Exception):
    """The engine that a customer asks for cannot be used here."""
