"""The customer partition and the customer file: the lowest layer, which imports nothing else of CapFlow."""
