"""prediction/<name>: the champion's predictions for the whole population."""
