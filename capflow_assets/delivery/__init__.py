"""Delivery: predictions for other systems."""
