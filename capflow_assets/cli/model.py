"""`capflow model`: what can be predicted."""

from __future__ import annotations

import json

import click

from capflow_assets.cli import card, rebuild
from capflow_assets.cli.options import json_option


@click.group(name="model")
def command() -> None:
    """Look at the models."""


command.add_command(card.command)
command.add_command(rebuild.command)


@command.command(name="list")
@json_option
def list_models(as_json: bool) -> None:
    """Show every model: what it predicts, from what, and how it is judged."""
    from capflow_assets.models.catalogue import models

    rows = [
        {
            "name": name,
            "title": model.title,
            "family": model.family,
            "task": model.task,
            "tables": model.tables,
            "features": model.features,
            "horizon_days": model.horizon_days,
            "metric": model.metric,
            "baseline": model.baseline_name,
        }
        for name, model in models().items()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(
            f"{row['name']:<18} {row['task']:<11} {row['horizon_days']:>3} days  {row['metric']:<20} {row['title']}"
        )
