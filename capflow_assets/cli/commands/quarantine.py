"""`capflow quarantine`: show the rows that were set aside, export them, and give them back."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from capflow_assets.cli.options import home_option, json_option
from capflow_resources.home import Home

if TYPE_CHECKING:
    from capflow_assets.quarantine.held_rows import Held
    from capflow_assets.quarantine.readmission import Readmission
    from capflow_assets.run.customer_run import CustomerRun

FORMATS = (".csv", ".parquet", ".json")
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(name="quarantine")
@click.argument("customer")
@click.argument("table", required=False)
@click.option("--out", type=FILE, help="Write all rows of TABLE, with reasons, to FILE.csv|.parquet|.json.")
@click.option("--readmit", type=FILE, help="Give back the rows of FILE.csv|.parquet, corrected.")
@click.option("--as-they-are", is_flag=True, help="With --readmit: accept the rows although they break a rule.")
@click.option("--undo", is_flag=True, help="Undo the newest --readmit of TABLE.")
@click.option("--why", default="given back by hand", show_default=True, help="With --readmit: for the record.")
@home_option
@json_option
def command(
    customer: str,
    table: str | None,
    out: Path | None,
    readmit: Path | None,
    as_they_are: bool,
    undo: bool,
    why: str,
    home: Home,
    as_json: bool,
) -> None:
    """Show the rows of CUSTOMER that were set aside, by table and reason.

    TABLE is a table (line_items), or the rows to blame for a KPI (offending/price_outlier_share). Rows written with
    --out can be corrected in the file and given back with --readmit; the next `capflow run` checks them again.
    """
    from capflow_assets.quarantine.held_rows import QuarantineError
    from capflow_assets.run.customer_run import CustomerRun

    _check_options(table, out, readmit, as_they_are, undo)
    home.customer(customer)
    run = CustomerRun(home, customer)
    try:
        if readmit is not None and table is not None:
            _give_back(run, table, readmit, as_they_are, why, as_json)
        elif undo and table is not None:
            _undo(run, table, as_json)
        elif out is not None and table is not None:
            _write(run, table, out)
        else:
            _show(run, table, as_json)
    except QuarantineError as error:
        raise click.ClickException(run.hide(str(error))) from None
    finally:
        run.close()


def _check_options(table: str | None, out: Path | None, readmit: Path | None, as_they_are: bool, undo: bool) -> None:
    """Raise UsageError for options that do not go together."""
    if table is None and (out or readmit or undo):
        raise click.UsageError("name the TABLE too, like: capflow quarantine CUSTOMER line_items --out FILE.csv")
    if out and readmit:
        raise click.UsageError("--out and --readmit are two steps: write the rows first, correct them, give them back")
    if undo and (out or readmit):
        raise click.UsageError("--undo stands alone: it undoes the newest --readmit of TABLE")
    if as_they_are and not readmit:
        raise click.UsageError("--as-they-are needs --readmit FILE: it says how rows are given back")
    if out and out.suffix not in FORMATS:
        raise click.UsageError(f"--out {out}: the name must end in one of {', '.join(FORMATS)}")


def _write(run: CustomerRun, table: str, out: Path) -> None:
    from capflow_assets.quarantine.held_rows import export

    click.echo(f"{export(run, _asset(table), out):,} rows in {out}")


def _give_back(run: CustomerRun, table: str, file: Path, as_they_are: bool, why: str, as_json: bool) -> None:
    from capflow_assets.quarantine.readmission import readmit

    readmission = readmit(run, table.removeprefix("quarantine/"), file, as_they_are, _user_name(), why)
    if as_json:
        click.echo(json.dumps(vars(readmission)))
    else:
        _print_readmission(run, readmission, as_they_are)


def _print_readmission(run: CustomerRun, readmission: Readmission, as_they_are: bool) -> None:
    how = "as they are" if as_they_are else "corrected"
    rows = f"{readmission.rows:,} rows of {readmission.table}"
    click.echo(f"{run.name}: {rows} given back {how}; they count from the next run on:")
    click.echo(f"  capflow run --customer {run.name}")
    if readmission.unchanged:
        click.echo(f"{readmission.unchanged:,} rows of the file were not corrected and stay in quarantine.")
    for text, count in readmission.still_broken.items():
        click.echo(f"{count:,} of them will be set aside again: {text}.")


def _undo(run: CustomerRun, table: str, as_json: bool) -> None:
    from capflow_assets.quarantine.readmission import undo_readmission

    readmission = undo_readmission(run, table.removeprefix("quarantine/"))
    if as_json:
        click.echo(json.dumps(vars(readmission), default=str))
        return
    given_back = f"given back by {readmission.who} on {readmission.given_at:%Y-%m-%d %H:%M} UTC ({readmission.why})"
    rows = f"{readmission.rows:,} rows of {readmission.table}"
    click.echo(f"{run.name}: {rows}, {given_back}, no longer count from the next run on:")
    click.echo(f"  capflow run --customer {run.name}")


def _show(run: CustomerRun, table: str | None, as_json: bool) -> None:
    from capflow_assets.quarantine.held_rows import list_held, read_held

    if table is not None:
        read_held(run, _asset(table))  # raises, with what there is, where the table has none
    rows = [one for one in list_held(run) if table is None or one.asset == _asset(table)]
    if as_json:
        click.echo(json.dumps([vars(one) for one in rows]))
    elif not rows:
        click.echo(f"no row of '{run.name}' is set aside")
    else:
        _print_rows(rows)


def _print_rows(rows: list[Held]) -> None:
    for asset in dict.fromkeys(one.asset for one in rows):
        own = [one for one in rows if one.asset == asset]
        click.echo(f"{asset}: {sum(one.rows for one in own):,} rows")
        for one in own:
            if one.reason:
                click.echo(f"  {one.rows:>12,}  {one.reason}")


def _asset(table: str) -> str:
    return table if "/" in table else f"quarantine/{table}"


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return "unknown"
