"""`capflow dev`: the Dagster UI with daemon and sensors."""

from __future__ import annotations

import os
import socket
import sys

import click

from capflow_assets.cli.options import home_option
from capflow_resources.home import Home


@click.command(name="dev")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=3000, show_default=True)
@home_option
def command(host: str, port: int, home: Home) -> None:
    """Start the Dagster UI, its daemon and the sensors on this home, until Ctrl-C."""
    from capflow_assets.graph.launch import open_instance

    _require_free(host, port)
    with open_instance(home):  # create Dagster's storage completely before several processes open it
        environment = {**os.environ, "CAPFLOW_HOME": str(home.path), "DAGSTER_HOME": str(home.dagster_folder)}
    click.echo(f"http://{host}:{port}  (home: {home.path})")
    module = ["-m", "capflow_assets.definitions", "-h", host, "-p", str(port)]
    os.execve(sys.executable, [sys.executable, "-m", "dagster", "dev", *module], environment)


def _require_free(host: str, port: int) -> None:
    """Raise UsageError for a port in use: Dagster starts beside another server on it without a warning."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.UsageError(f"{host}:{port} cannot be used ({error.strerror}): pass another --port") from error
