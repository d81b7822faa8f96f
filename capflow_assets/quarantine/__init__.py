"""Rows that were held back: listed, written to a file, and given back by an analyst."""
