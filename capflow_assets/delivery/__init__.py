"""Predictions for other systems."""
