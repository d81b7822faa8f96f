"""What several commands share: the options --home and --json, and the check of names that a user gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click

from capflow_assets.graph.secrets import open_home
from capflow_resources.home import Home

Command = Callable[..., Any]


def home_option(command: Command) -> Command:
    """Add `--home`: which installation; the command receives it as a Home."""
    return click.option(
        "--home",
        envvar="CAPFLOW_HOME",
        callback=lambda _ctx, _option, value: open_home(value),
        help="The installation's folder (default: $CAPFLOW_HOME, then ./capflow-home).",
    )(command)


def json_option(command: Command) -> Command:
    """Add `--json`: print for programs instead of people."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def all_customers(home: Home) -> list[str]:
    """Return the names of all customers; UsageError when there is none."""
    names = home.customer_names()
    if not names:
        raise click.UsageError(f"no customer file in {home.customers_folder}: add one with `capflow customer add FILE`")
    return names


def require_model(name: str, known: Iterable[str]) -> None:
    """Raise UsageError with the nearest name unless `name` is one of the `known` models."""
    from partitions.hints import did_you_mean

    names = list(known)
    if name not in names:
        raise click.UsageError(f"no model '{name}'{did_you_mean(name, names)}")
