"""`capflow model card`: the card of one version of a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capflow_assets.cli.options import home_option, json_option, require_model
from capflow_resources.home import Home

if TYPE_CHECKING:
    from capflow_resources.registry import Version

HTML, MARKDOWN = (".html", ".htm"), (".md",)


@click.command(name="card")
@click.argument("customer")
@click.argument("model")
@click.option("--version", "number", type=int, help="Which version (default: the champion).")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="FILE.html or FILE.md.")
@home_option
@json_option
def command(customer: str, model: str, number: int | None, out: Path | None, home: Home, as_json: bool) -> None:
    """Show the card of MODEL for CUSTOMER: what it is, how good it is and for whom, and what not to use it for.

    Without --out the card is printed as Markdown. A file contains its picture and needs no other file.
    """
    from capflow_assets.cli.output import write_text
    from capflow_assets.training.card.html import as_html
    from capflow_assets.training.card.markdown import as_markdown
    from capflow_assets.training.card.store import load_card, load_picture

    if out is not None and out.suffix not in (*HTML, *MARKDOWN):
        raise click.UsageError(f"--out {out}: the name must end in .html or .md")
    home.require_customer(customer)
    version = _version(home, customer, model, number)
    card = load_card(home, version)
    if out is not None:
        picture = load_picture(home, version)
        write_text(out, as_html(card, picture) if out.suffix in HTML else as_markdown(card, picture))
    if as_json:
        click.echo(json.dumps(card.to_json()))
    else:
        click.echo(as_markdown(card) if out is None else f"version {version.number} in {out}")


def _version(home: Home, customer: str, model: str, number: int | None) -> Version:
    """Return the requested version, else the champion; UsageError with the versions that exist when it is missing."""
    from capflow_assets.run.catalogue import models

    versions = {version.number: version for version in home.registry.versions(customer, model)}
    if not versions:
        require_model(model, models())
        hint = f"see `capflow status --customer {customer}` for the reason"
        raise click.UsageError(f"'{customer}' has no version of {model}: {hint}")
    existing = f"there {'is' if len(versions) == 1 else 'are'} {', '.join(map(str, versions))}"
    if number is not None and number not in versions:
        raise click.UsageError(f"'{customer}' has no version {number} of {model}: {existing}")
    champion = home.registry.champion(customer, model)
    if number is None and champion is None:
        raise click.UsageError(f"no version of {model} is champion for '{customer}'; take --version N: {existing}")
    return versions[number] if number is not None else champion  # type: ignore[return-value]
