"""`capflow demo`: three simulated retailers through the whole platform, one of them with bad data."""

from __future__ import annotations

import json
import os
import sys

import click

from capflow_assets.cli.options import home_option, json_option
from capflow_assets.cli.run_assets import STOPPED, run_assets
from capflow_resources.home import Home


@click.command(name="demo")
@home_option
@json_option
def command(home: Home, as_json: bool) -> None:
    """On-board three demo retailers, run everything, and show the results. A second call resumes.

    Exit 3 while one of them is blocked by a defect that the demo has put into its data; the message says how to fix
    it.
    """
    from capflow_assets.cli.output import print_status
    from capflow_assets.run.plan import plan
    from capflow_assets.run.status import list_status

    names = _onboard(home)
    outcomes = run_assets(home, names, list(plan()), None, False, quiet=as_json)
    rows = list_status(home, names)
    if as_json:
        click.echo(json.dumps([vars(row) for row in rows]))
    else:
        print_status(rows)
        _next_steps(home, blocked=any(row.data == "blocked" for row in rows))
    if any(outcome.status in STOPPED for outcome in outcomes):
        raise click.exceptions.Exit(3)


def _onboard(home: Home) -> list[str]:
    """Write what is missing of the demo retailers' data and customer files; what the user changed stays."""
    from capflow_assets.simulator.demo import DEMO, FOLDER, write_demo

    data = home.path / FOLDER
    data.mkdir(parents=True, exist_ok=True)
    home.customers_folder.mkdir(parents=True, exist_ok=True)
    for demo in DEMO:
        name = demo.retailer.name
        if write_demo(demo, data):
            click.echo(
                f"+ {name}: simulated {demo.retailer.users:,} shoppers into {data / name} ({demo.kind})", err=True
            )
        file = home.customers_folder / f"{name}.yaml"
        if not file.exists():
            partial = file.with_suffix(".partial")
            partial.write_text(demo.customer_file(), encoding="utf-8")
            partial.replace(file)
    return [demo.retailer.name for demo in DEMO]


def _next_steps(home: Home, blocked: bool) -> None:
    program = os.path.relpath(sys.argv[0]) if sys.argv[0].endswith("capflow") else "capflow"
    option = "" if home.path == Home().path else f" --home {home.path}"
    if blocked:
        click.echo(f"\nThe customer files are in {home.customers_folder}")
        click.echo(f"Fix the blocked customer there as described above, then:  {program} run --all{option}")
    click.echo(f"\nOpen the UI:  {program} dev{option}   and then http://127.0.0.1:3000")
