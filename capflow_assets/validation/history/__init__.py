"""Daily figures of a customer against its own past: the expected range of each, and the findings."""
