"""prediction/<name>: what the champion says of every shopper."""
