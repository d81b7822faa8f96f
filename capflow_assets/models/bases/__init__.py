"""Base classes of models, and the prediction table."""
