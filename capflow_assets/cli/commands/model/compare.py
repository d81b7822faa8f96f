"""`capflow model compare`: is a model better than its rival over all customers?"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from capflow_assets.cli.options import all_customers, home_option, json_option, require_model
from capflow_resources.home import Home

if TYPE_CHECKING:
    from capflow_assets.contract.model import Model
    from capflow_assets.training.compare import CustomerComparison
    from capflow_assets.training.comparison import Summary


@click.command(name="compare")
@click.argument("model")
@click.option("--against", default="champion", help="champion, baseline, or another model (default: champion).")
@click.option("--customer", "customers", multiple=True, help="Only this customer (repeatable; default: all).")
@click.option("--wave", help="Only a part of the customers: 1/5 is the first of five, always the same ones.")
@click.option("--promote", is_flag=True, help="Make it champion in these customers if it is surely better on average.")
@home_option
@json_option
def command(
    model: str, against: str, customers: tuple[str, ...], wave: str | None, promote: bool, home: Home, as_json: bool
) -> None:
    """Train MODEL for every customer and score it against its rival on dates that neither has seen.

    Prints wins, ties and losses (95 % each) and the mean gain with its interval, by vertical, with the cost. Nothing is
    registered without --promote. Exit 3 when some customers failed while the others were compared.
    """
    from capflow_assets.training.comparison import summarise, summarise_by_vertical

    challenger, rival = _model(model), _rival(model, against)
    names = _customers(home, customers, wave)
    compared, failed = _compare_all(home, challenger, rival, names)
    total = summarise([one.comparison for one in compared])
    promoted = _promote_all(home, challenger, compared, total) if promote else []
    verticals = summarise_by_vertical([one.comparison for one in compared])
    if as_json:
        header = {"model": model, "against": against, "promoted": promoted, "failed": failed}
        each = [asdict(one.comparison) for one in compared]
        groups = {name: asdict(group) for name, group in verticals.items()}
        click.echo(json.dumps({**header, "all": asdict(total), "verticals": groups, "customers": each}))
    else:
        _print_tables(challenger, against, compared, {**verticals, "all": total})
        if promote:
            _print_promotions(promoted, total)
    for name, why in failed.items():
        click.echo(f"{name}: {why}", err=True)
    if failed:
        raise click.exceptions.Exit(3)


def _model(name: str) -> Model:
    from capflow_assets.run.catalogue import models

    require_model(name, models())
    return models()[name]


def _rival(model: str, against: str) -> str | Model:
    from capflow_assets.training.compare import BASELINE, CHAMPION, why_incomparable

    if against in (BASELINE, CHAMPION):
        return against
    if against == model:
        raise click.UsageError(f"to compare {model} with its own champion, use --against champion")
    other = _model(against)
    if reason := why_incomparable(_model(model), other):
        raise click.UsageError(reason)
    return other


def _customers(home: Home, requested: tuple[str, ...], wave: str | None) -> list[str]:
    from capflow_assets.training.compare import select_wave

    for name in requested:
        home.require_customer(name)
    names = sorted(requested) or all_customers(home)
    if wave is None:
        return names
    fraction = re.fullmatch(r"(\d+)/(\d+)", wave)
    if fraction is None or not 1 <= int(fraction[1]) <= int(fraction[2]):
        raise click.UsageError(f"--wave {wave}: write it like 1/5, the first of five")
    return select_wave(names, int(fraction[1]), int(fraction[2]))


def _compare_all(
    home: Home, model: Model, rival: str | Model, names: Sequence[str]
) -> tuple[list[CustomerComparison], dict[str, str]]:
    """Compare for one customer after the other; return the results, and the error of each customer that failed."""
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.training.compare import compare

    compared, failed = [], {}
    for name in names:
        run = CustomerRun(home, name)
        try:
            compared.append(compare(run, model, rival))
        except Exception as error:
            failed[name] = run.hide(" ".join(str(error).split())) or type(error).__name__
        finally:
            run.close()
    return compared, failed


def _promote_all(home: Home, model: Model, compared: Sequence[CustomerComparison], total: Summary) -> list[str]:
    """Promote the model where it did not lose, if it is surely better on average; return those customers."""
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.training.compare import promote

    if not total.surely_better:
        return []
    reason = f"better by {total.gain:.4g} on average over {total.customers - total.not_compared} customers of its wave"
    promoted = []
    for one in compared:
        run = CustomerRun(home, one.comparison.customer)
        try:
            if promote(run, model, one, reason):
                promoted.append(run.name)
        finally:
            run.close()
    return promoted


def _print_tables(
    model: Model, against: str, compared: Sequence[CustomerComparison], groups: dict[str, Summary]
) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    each = Table("customer", "vertical", "verdict", model.metric, against, "gain ±", "users", "CPU-s", box=None)
    for one in (part.comparison for part in compared):
        numbers = ["", "", escape(one.reason), "", f"{one.cpu_seconds:.1f}"]
        if one.value is not None:
            gain = f"{one.gain:+.4g} ± {one.standard_error:.2g}"
            numbers = [f"{one.value:.4g}", f"{one.rival:.4g}", gain, f"{one.users:,}", f"{one.cpu_seconds:.1f}"]
        each.add_row(one.customer, one.vertical, one.verdict, *numbers)
    table = Table("vertical", "wins", "ties", "losses", "not compared", "mean gain [95 %]", "CPU-s", box=None)
    for name, group in groups.items():
        counts = (group.wins, group.ties, group.losses, group.not_compared)
        table.add_row(name, *map(str, counts), _mean_gain(group), f"{group.cpu_seconds:.1f}")
    console = Console(soft_wrap=True)
    console.print(each)
    console.print()
    console.print(table)


def _mean_gain(group: Summary) -> str:
    if group.gain is None:
        return "-"
    interval = "" if group.low is None else f" [{group.low:+.4g}, {group.high:+.4g}]"
    return f"{group.gain:+.4g}{interval}"


def _print_promotions(promoted: Sequence[str], total: Summary) -> None:
    if not total.surely_better:
        click.echo("not promoted: the mean gain is not surely above 0 (90 %) over these customers")
    else:
        click.echo(f"promoted for {', '.join(promoted) or 'nobody: each lost, or did not beat its baseline'}")
