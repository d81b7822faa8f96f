"""A customer's days judged against its own past: figures by day, the range each was expected in, and what follows."""
