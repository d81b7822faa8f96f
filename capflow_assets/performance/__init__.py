"""performance/<name>: how good predictions proved to be once their horizon was over."""
