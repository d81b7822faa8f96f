"""The audit: every row of a table against the rules of its declaration."""
