"""Recursive features: aggregates of aggregates along the declared relationships, pushed down to the engine."""

from capflow_assets.features.recursive.feature_set import RECURSIVE

__all__ = ["RECURSIVE"]
