"""`capflow customer`: on-board a retailer with one file, and check it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from capflow_assets.cli.options import home_option, json_option
from capflow_resources.home import Home


@click.group(name="customer")
def command() -> None:
    """Add, list and check customers: one YAML file each (docs/customer-file.md)."""


@command.command(name="add")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@home_option
def add(file: Path, home: Home) -> None:
    """Check FILE and on-board its customer: the file is copied to the home and becomes a partition."""
    from capflow_assets.graph.launch import add_partitions, instance

    _refuse(file, home)
    home.customers_folder.mkdir(parents=True, exist_ok=True)
    target = home.customers_folder / file.name
    if target.exists() and target.read_bytes() != file.read_bytes():
        raise click.UsageError(f"{target} exists already and differs: edit it there, or remove it first")
    partial = target.with_suffix(".partial")
    partial.write_bytes(file.read_bytes())
    partial.replace(target)
    with instance(home) as storage:
        add_partitions(storage, home)
    click.echo(f"{file.stem} is a customer; go on with `capflow run --customer {file.stem}`")


@command.command(name="list")
@home_option
@json_option
def list_customers(home: Home, as_json: bool) -> None:
    """Show every customer with its vertical, tier, engine and tables."""
    rows = [_row(home, name) for name in home.customer_names()]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo("  ".join(f"{value:<20}" for value in row.values() if isinstance(value, str)).rstrip())


def _row(home: Home, name: str) -> dict[str, object]:
    from partitions.customer_file import CustomerFileError

    try:
        customer = home.customer(name)
    except CustomerFileError as error:
        return {"name": name, "mistakes": str(error)}
    return {
        "name": name,
        "vertical": customer.vertical,
        "tier": customer.tier,
        "engine": customer.engine.kind,
        "tables": list(customer.tables),
    }


@command.command(name="check")
@click.argument("customer")
@home_option
def check(customer: str, home: Home) -> None:
    """Explain every mistake in a customer file: CUSTOMER is a name or a path."""
    path = Path(customer) if customer.endswith((".yaml", ".yml")) else home.customers_folder / f"{customer}.yaml"
    if not path.exists():
        raise click.UsageError(f"{path} does not exist (customers: {', '.join(home.customer_names()) or 'none'})")
    _refuse(path, home)
    click.echo(f"{path}: no mistakes")


def _refuse(path: Path, home: Home) -> None:
    from capflow_assets.models.catalogue import models
    from partitions.customer_file import check_customer_file

    problems = check_customer_file(path, home.environment(), known_models=tuple(models()))
    for problem in problems:
        click.echo(str(problem), err=True)
    if problems:
        raise click.exceptions.Exit(2)
