"""Metrics, curves and the promotion rule."""
