"""Metrics, curves and the rule of promotion."""
