"""One module a feature set."""
