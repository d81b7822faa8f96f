"""The commands of `capflow`: a module or package each, found by its name; it calls its click command `command`."""
