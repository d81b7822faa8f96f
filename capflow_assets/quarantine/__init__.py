"""Quarantine: rows that were set aside, listed, exported to a file and readmitted by an analyst."""
