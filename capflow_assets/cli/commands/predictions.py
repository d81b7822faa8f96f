"""`capflow predictions`: a model's predictions as a file."""

from __future__ import annotations

from pathlib import Path

import click

from capflow_assets.cli.options import home_option
from capflow_resources.home import Home

FORMATS = (".csv", ".parquet", ".json")


@click.command(name="predictions")
@click.argument("customer")
@click.argument("model")
@click.option("--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="FILE.csv|.parquet|.json")
@home_option
def command(customer: str, model: str, out: Path, home: Home) -> None:
    """Write the latest predictions of MODEL for CUSTOMER to a file."""
    from capflow_assets.delivery.export import export_predictions

    if out.suffix not in FORMATS:
        raise click.UsageError(f"--out {out}: the name must end in one of {', '.join(FORMATS)}")
    home.customer(customer)
    rows = export_predictions(home, customer, model, out)
    click.echo(f"{rows:,} rows in {out}")
