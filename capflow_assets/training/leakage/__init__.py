"""Leakage: features that know the outcome, are ids, come from the future, or differ where the model is used."""
