"""From what a customer sent to canonical types."""
