"""Choosing columns and parameters on folds of the past."""
