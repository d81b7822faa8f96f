"""The command line: `capflow --help`."""

from capflow_assets.cli.main import main

__all__ = ["main"]
