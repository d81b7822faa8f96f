"""Cleaning: a raw table's values in canonical columns and types."""
