"""`capflow model rebuild`: fit a registered version again from its record, to prove what it was made from."""

from __future__ import annotations

import json

import click

from capflow_assets.cli.options import home_option, json_option
from capflow_resources.home import Home


@click.command(name="rebuild")
@click.argument("customer")
@click.argument("model")
@click.option("--version", "number", type=int, help="Which version (default: the champion).")
@home_option
@json_option
def command(customer: str, model: str, number: int | None, home: Home, as_json: bool) -> None:
    """Fit the champion of MODEL for CUSTOMER again from its record alone, and compare every byte.

    Nothing is registered. Exit 3 when something differs.
    """
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.training.rebuild import rebuild

    home.customer(customer)
    version = (
        home.registry.champion(customer, model) if number is None else home.registry.version(customer, model, number)
    )
    if version is None:
        raise click.UsageError(f"{model} for '{customer}' has no champion: see `capflow status --customer {customer}`")
    run = CustomerRun(home, customer)
    try:
        result = rebuild(run, version)
    finally:
        run.close()
    if as_json:
        facts = {"customer": customer, "model": model, "version": version.number, "digest": version.digest}
        outcome = {"same": result.same, "different": list(result.different), "code_changed": result.code_changed}
        click.echo(json.dumps({**facts, **outcome}))
    else:
        what = "every byte is the same" if result.same else f"these differ: {', '.join(result.different)}"
        why = "; the code has changed since" if result.code_changed else ""
        click.echo(f"{customer} / {model} v{version.number} fitted again: {what}{why}")
    if not result.same:
        raise click.exceptions.Exit(3)
