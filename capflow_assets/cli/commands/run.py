"""`capflow run`: bring customers up to date through Dagster."""

from __future__ import annotations

import json
from datetime import datetime

import click

from capflow_assets.cli.options import all_customers, home_option, json_option, require_model
from capflow_assets.cli.run_assets import STOPPED, TABLES, run_assets
from capflow_assets.run.plan import LAYERS
from capflow_resources.home import Home
from capflow_resources.registry import LedgerEntry

STATUS_WORDS = {
    "done": "done",
    "reused": "fresh",
    "waiting": "waiting for time to pass",
    "not_available": "not available",
}


@click.command(name="run")
@click.option("--customer", "customers", multiple=True, help="A customer; repeat for several.")
@click.option("--all", "everyone", is_flag=True, help="Every customer.")
@click.option("--model", "models", multiple=True, help="Only these models (and what they are made from).")
@click.option("--until", type=click.Choice(LAYERS), default="performance", help="Stop after this layer.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Compute as if it were this day (UTC).")
@click.option("--force", is_flag=True, help="Redo what is fresh.")
@home_option
@json_option
def command(
    customers: tuple[str, ...],
    everyone: bool,
    models: tuple[str, ...],
    until: str,
    as_of: datetime | None,
    force: bool,
    home: Home,
    as_json: bool,
) -> None:
    """Bring customers up to date: read, check, build features, train, predict, measure. What is fresh is not redone.

    Exit 3 when some customers were blocked or failed while the others were done.
    """
    names = _customers(home, customers, everyone)
    outcomes = run_assets(home, names, _assets(models, until), as_of, force, quiet=as_json)
    stopped = [outcome for outcome in outcomes if outcome.status in STOPPED]
    if as_json:
        click.echo(json.dumps([vars(outcome) for outcome in outcomes], default=str))
    else:
        _print_summary(outcomes, names)
    if stopped:
        raise click.exceptions.Exit(3)


def _customers(home: Home, customers: tuple[str, ...], everyone: bool) -> list[str]:
    if everyone == bool(customers):
        raise click.UsageError("name customers with --customer NAME, or take --all of them")
    for name in customers:
        home.require_customer(name)
    return all_customers(home) if everyone else list(dict.fromkeys(customers))


def _assets(names: tuple[str, ...], until: str) -> list[str]:
    from capflow_assets.run import plan
    from capflow_assets.run.catalogue import models

    for name in names:
        require_model(name, models())
    wanted = plan.until(until)
    if not names:
        return wanted
    ends = [f"performance/{name}" for name in names]
    return [asset for asset in plan.upstream(ends) if asset in wanted]


def _print_summary(outcomes: list[LedgerEntry], customers: list[str]) -> None:
    for name in customers:
        own = [outcome for outcome in outcomes if outcome.customer == name]
        stopped = [outcome for outcome in own if outcome.status in STOPPED]
        if stopped:
            click.echo(f"{name}: {stopped[0].status} at {stopped[0].asset}: {stopped[0].reason}")
            continue
        counted = [o for o in own if not (o.status == "not_available" and o.asset.startswith(TABLES))]
        counts = ((words, sum(o.status == status for o in counted)) for status, words in STATUS_WORDS.items())
        click.echo(f"{name}: " + ", ".join(f"{count} {words}" for words, count in counts if count))
