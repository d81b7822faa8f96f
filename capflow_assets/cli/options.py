"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from capflow_assets.graph.secrets import open_home

Command = Callable[..., Any]


def home_option(command: Command) -> Command:
    """`--home`: which installation; the command receives it as a Home."""
    return click.option(
        "--home",
        envvar="CAPFLOW_HOME",
        callback=lambda _ctx, _option, value: open_home(value),
        help="The installation's folder (default: $CAPFLOW_HOME, then ./capflow-home).",
    )(command)


def json_option(command: Command) -> Command:
    """`--json`: print for programs instead of people."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)
