"""`capflow customer`: on-board a retailer with one file, list the customers, and check a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capflow_assets.cli.options import home_option, json_option
from capflow_resources.home import Home
from partitions.customer import NAME_PATTERN

if TYPE_CHECKING:
    from capflow_assets.onboarding.customer_yaml import RetailerFacts


@click.group(name="customer")
def command() -> None:
    """Add, list and check customers: one YAML file each (docs/customer-file.md)."""


@command.command(name="add")
@click.argument("customer")
@click.option("--from", "given", multiple=True, metavar="URI", help="Look at this data and propose the file; repeat.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="For the source, like delimiter=';'.")
@click.option("--vertical", help="What the retailer sells, like grocery (with --from).")
@click.option("--currency", help="Three capital letters, like GBP (with --from).")
@click.option("--timezone", help="The time zone of the data, like Europe/London (with --from).")
@click.option("--replace", is_flag=True, help="Overwrite the customer's file (with --from).")
@click.option("--time-limit", default=300.0, show_default=True, help="Seconds for looking at the data (with --from).")
@home_option
@json_option
def add(
    customer: str,
    given: tuple[str, ...],
    options: tuple[str, ...],
    vertical: str | None,
    currency: str | None,
    timezone: str | None,
    replace: bool,
    time_limit: float,
    home: Home,
    as_json: bool,
) -> None:
    """On-board a customer. CUSTOMER is a file, which is checked and copied to the home; with --from, a new name.

    --from takes a file, a folder, a pattern, or the address of a database (postgresql://user:password@host/shop), and
    may be repeated. CapFlow looks at the data and writes a customer file for you to edit: which column is what, how
    sure that is, and which models the data supports. Secrets in the address are not written anywhere.
    """
    if given:
        _propose(customer, given, options, (vertical, currency, timezone), replace, time_limit, home, as_json)
    else:
        _copy(Path(customer), home)


def _copy(file: Path, home: Home) -> None:
    if not file.is_file():
        raise click.UsageError(f"there is no file {file}; to on-board '{file}' from its data, add --from URI")
    _require_no_mistakes(file, home)
    target = home.customers_folder / file.name
    if target.exists() and target.read_bytes() != file.read_bytes():
        raise click.UsageError(f"{target} exists already and differs: edit it there, or remove it first")
    _put(target, file.read_bytes(), home)
    click.echo(f"{file.stem} is a customer now; continue with `capflow run --customer {file.stem}`")


def _propose(
    name: str,
    given: tuple[str, ...],
    options: tuple[str, ...],
    retailer_facts: tuple[str | None, str | None, str | None],
    replace: bool,
    seconds: float,
    home: Home,
    as_json: bool,
) -> None:
    from capflow_assets.cli.proposal import print_proposal, proposal_json
    from capflow_assets.onboarding.customer_yaml import RetailerFacts
    from capflow_assets.onboarding.onboard import onboard
    from capflow_assets.onboarding.profiling.places import PlaceError
    from capflow_resources.sources import SourceError

    if not re.fullmatch(NAME_PATTERN, name):
        raise click.UsageError(f"name '{name}' must start with a letter or digit and hold only a-z, 0-9, '-' and '_'")
    target = home.customers_folder / f"{name}.yaml"
    if target.exists() and not replace:
        raise click.UsageError(f"{target} exists already: edit it there, or overwrite it with --replace")
    if malformed := next((option for option in options if "=" not in option), None):
        raise click.UsageError(f"--option '{malformed}' must be like delimiter=';'")
    source_options = {key.strip(): value for key, _, value in (option.partition("=") for option in options)}
    retailer = RetailerFacts(*retailer_facts)
    _check_retailer_facts(retailer)
    try:
        result = onboard(name, given, retailer, seconds, home.environment(), source_options)
    except (PlaceError, SourceError) as error:
        raise click.ClickException(str(error)) from None
    _put(target, result.text.encode(), home)
    if as_json:
        click.echo(json.dumps(proposal_json(result, target), default=str))
    else:
        print_proposal(result, name, target)


def _check_retailer_facts(retailer: RetailerFacts) -> None:
    """Raise UsageError for a currency or time zone that does not exist."""
    from zoneinfo import available_timezones

    from partitions.hints import did_you_mean

    if retailer.currency is not None and not re.fullmatch(r"[A-Z]{3}", retailer.currency):
        raise click.UsageError(f"--currency '{retailer.currency}' must be three capital letters, like GBP")
    if retailer.timezone is not None and retailer.timezone not in available_timezones():
        hint = did_you_mean(retailer.timezone, sorted(available_timezones()), otherwise="; write it like Europe/London")
        raise click.UsageError(f"--timezone '{retailer.timezone}' does not exist{hint}")


def _put(target: Path, content: bytes, home: Home) -> None:
    """Write the customer file whole, and make the customer a partition in Dagster."""
    from capflow_assets.graph.launch import add_partitions, open_instance

    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(target)
    with open_instance(home) as storage:
        add_partitions(storage, home)


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
    _require_no_mistakes(path, home)
    click.echo(f"{path}: no mistakes")


def _require_no_mistakes(path: Path, home: Home) -> None:
    """Print every mistake of a customer file; exit 2 when there is one."""
    from capflow_assets.run.catalogue import broken_plugins, models
    from partitions.customer_file import check_customer_file

    known = (*models(), *(plugin.name for plugin in broken_plugins("model")))
    problems = check_customer_file(path, home.environment(), known_models=known)
    for problem in problems:
        click.echo(str(problem), err=True)
    if problems:
        raise click.exceptions.Exit(2)
