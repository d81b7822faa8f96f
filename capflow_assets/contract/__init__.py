"""Shapes that every room may import: they hold data and promises, and no work."""
