"""`capflow vertical`: show the bounds of a vertical, and learn them from its customers."""

from __future__ import annotations

import json

import click

from capflow_assets.cli.options import home_option, json_option
from capflow_resources.home import Home


@click.group(name="vertical")
def command() -> None:
    """Show and learn the bounds of a vertical; they apply to customers whose own history is short."""


@command.command(name="show")
@click.argument("vertical")
@home_option
@json_option
def show(vertical: str, home: Home, as_json: bool) -> None:
    """Print the bounds of VERTICAL; those in verticals.yaml replace the built-in ones."""
    from capflow_assets.validation.verticals import load_thresholds

    bounds = load_thresholds(vertical, home.path)
    if as_json:
        click.echo(json.dumps(bounds))
    else:
        click.echo("\n".join(f"{name}: {value:g}" for name, value in bounds.items()) or f"'{vertical}' has no bounds")


@command.command(name="learn")
@click.argument("vertical")
@click.option("--write", is_flag=True, help="Add them to verticals.yaml of the home.")
@home_option
@json_option
def learn(vertical: str, write: bool, home: Home, as_json: bool) -> None:
    """Propose bounds for VERTICAL from the KPIs of its customers that passed (at least 5); no rows are read."""
    from capflow_assets.validation.verticals import FILE, propose_bounds
    from partitions.verticals_file import load_verticals, normalise_vertical

    names, values = _kpis_of_passed(home, vertical)
    try:
        bounds = propose_bounds(values)
    except ValueError as error:
        raise click.ClickException(f"vertical '{vertical}': {error}") from None
    key = normalise_vertical(vertical)
    lines = [f"# Learned from {len(names)} customers: {', '.join(names)}.", f"{key}:"]
    text = "\n".join([*lines, *(f"  {name}: {value:g}" for name, value in bounds.items())]) + "\n"
    if write:
        from capflow_assets.validation.history.figures import EVERY
        from capflow_assets.validation.kpis.kpis import KPIS

        path = home.path / FILE
        if key in load_verticals(path, (*KPIS, *EVERY)):
            click.echo(text)
            raise click.ClickException(f"{path} has '{key}' already: edit it there")
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        partial = path.with_suffix(".partial")
        partial.write_text(old + ("" if old.endswith("\n") or not old else "\n") + text, encoding="utf-8")
        partial.replace(path)
    if as_json:
        click.echo(json.dumps({"vertical": key, "customers": names, "thresholds": bounds, "written": write}))
    else:
        click.echo(text + (f"written to {home.path / FILE}" if write else "add --write to keep them"))


def _kpis_of_passed(home: Home, vertical: str) -> tuple[list[str], list[dict[str, float | None]]]:
    """Return the customers of a vertical that passed, and the KPI values of their reports."""
    from capflow_assets.contract.outcome import Blocked
    from capflow_assets.run.customer_run import CustomerRun
    from partitions.customer_file import CustomerFileError
    from partitions.verticals_file import normalise_vertical

    names, values = [], []
    for name in home.customer_names():
        run = CustomerRun(home, name)
        try:
            if normalise_vertical(run.customer.vertical) != normalise_vertical(vertical):
                continue
            run.require_passed()
            values.append(json.loads(run.report().report)["values"])
        except (Blocked, CustomerFileError):
            continue
        names.append(name)
    return names, values
