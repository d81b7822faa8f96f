"""`capflow status`: customer x model."""

from __future__ import annotations

import json

import click

from capflow_assets.cli.options import home_option, json_option
from capflow_resources.home import Home


@click.command(name="status")
@click.option("--customer", "customers", multiple=True, help="Only these customers.")
@home_option
@json_option
def command(customers: tuple[str, ...], home: Home, as_json: bool) -> None:
    """Show for each customer and model: the data's verdict, the champion, its metric and its predictions."""
    from capflow_assets.cli.output import print_status
    from capflow_assets.run.status import list_status

    for name in customers:
        home.require_customer(name)
    rows = list_status(home, list(customers) or home.customer_names())
    if as_json:
        click.echo(json.dumps([vars(row) for row in rows]))
    else:
        print_status(rows)
