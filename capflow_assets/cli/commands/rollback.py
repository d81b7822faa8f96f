"""`capflow rollback`: go back to the champion before this one."""

from __future__ import annotations

import click

from capflow_assets.cli.options import home_option
from capflow_resources.home import Home


@click.command(name="rollback")
@click.argument("customer")
@click.argument("model")
@click.option("--reason", default="rolled back by hand", help="Why, for the log.")
@home_option
def command(customer: str, model: str, reason: str, home: Home) -> None:
    """Make the champion before this one the champion of MODEL for CUSTOMER again."""
    home.customer(customer)
    version = home.registry.rollback(customer, model, reason)
    click.echo(
        f"{customer} / {model}: v{version.number} is champion again; "
        f"deliver its predictions with `capflow run --customer {customer} --model {model}`"
    )
