"""The card of a model version: what it is, how good it is and for whom, and what it must not be used for."""
