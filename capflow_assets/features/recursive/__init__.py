"""Recursive features: aggregates of aggregates along declared relationships, as Ibis expressions."""
