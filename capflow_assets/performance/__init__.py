"""performance/<name>: what came true of the predictions."""
