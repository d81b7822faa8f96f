"""`capflow report`: the findings of validation as a page for a retailer's analyst."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capflow_assets.cli.options import all_customers, home_option, json_option
from capflow_resources.home import Home

if TYPE_CHECKING:
    from capflow_assets.validation.html import Dossier


@click.command(name="report")
@click.argument("customer", required=False)
@click.option("--all", "everyone", is_flag=True, help="Every customer, and a page of all of them.")
@click.option("--out", type=click.Path(path_type=Path), help="FILE.html for one customer; a folder with --all.")
@home_option
@json_option
def command(customer: str | None, everyone: bool, out: Path | None, home: Home, as_json: bool) -> None:
    """Write what the checks found in CUSTOMER's data to an HTML file: verdict, KPIs, bad rows, what to do.

    With --all, --out is a folder: index.html, and NAME.html for each customer. Nothing is computed again.
    Exit 3 when some customers' reports could not be read while the others were written.
    """
    if everyone == bool(customer):
        raise click.UsageError("name one customer, or take --all of them")
    if out is None and not as_json:
        raise click.UsageError("say where: --out FOLDER" if everyone else "say where: --out FILE.html")
    unread: dict[str, str] = {}
    if customer:
        home.require_customer(customer)
        dossiers = [_dossier(home, customer)]
        if out is not None:
            _write_one(out, dossiers[0])
    else:
        dossiers, unread = _all(home)
        if out is not None:
            _write_all(out, dossiers)
    if as_json:
        failed = [{"customer": name, "state": "failed", "reasons": [why]} for name, why in unread.items()]
        entries = [*map(_to_json, dossiers), *failed]
        click.echo(json.dumps(entries if everyone else entries[0]))
    elif out is not None:
        _print_summary(out, dossiers, everyone)
    for name, why in unread.items():
        click.echo(f"{name}: {why}", err=True)
    if unread:
        raise click.exceptions.Exit(3)


def _dossier(home: Home, name: str) -> Dossier:
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.validation.page import gather_dossier

    return gather_dossier(CustomerRun(home, name))


def _all(home: Home) -> tuple[list[Dossier], dict[str, str]]:
    """Return every customer's dossier, and for each that cannot be read the reason."""
    from capflow_resources.lake import LakeError
    from capflow_resources.objects import ObjectStoreError

    dossiers, unread = [], {}
    for name in all_customers(home):
        try:
            dossiers.append(_dossier(home, name))
        except (LakeError, ObjectStoreError, ValueError) as error:
            unread[name] = " ".join(str(error).split())
    return dossiers, unread


def _write_one(out: Path, dossier: Dossier) -> None:
    from capflow_assets.cli.output import write_text
    from capflow_assets.validation.html import render_customer

    if out.suffix not in (".html", ".htm"):
        raise click.UsageError(f"--out {out}: the name must end in .html")
    write_text(out, render_customer(dossier))


def _write_all(out: Path, dossiers: list[Dossier]) -> None:
    from capflow_assets.cli.output import write_text
    from capflow_assets.validation.html import render_customer, render_everyone
    from capflow_assets.validation.html.page import ALL

    if out.exists() and not out.is_dir():
        raise click.UsageError(f"--out {out}: with --all this must be a folder")
    for one in dossiers:
        write_text(out / f"{one.customer}.html", render_customer(one, index=True))
    write_text(out / ALL, render_everyone(dossiers))


def _print_summary(out: Path, dossiers: list[Dossier], everyone: bool) -> None:
    for one in dossiers:
        click.echo(f"{one.customer}: {one.state}, {len(one.reasons)} reasons, {len(one.warnings)} warnings")
    click.echo(f"{len(dossiers)} customers in {out / 'index.html'}" if everyone else f"written to {out}")


def _to_json(dossier: Dossier) -> dict[str, Any]:
    """Return what the page says, for programs."""
    from dataclasses import asdict

    report = dossier.report
    return {
        "customer": dossier.customer,
        "state": dossier.state,
        "reasons": dossier.reasons,
        "warnings": dossier.warnings,
        "troubles": [asdict(one) for one in dossier.troubles],
        "judged_at": dossier.judged_at,
        "as_of": report.as_of if report else None,
        "current": dossier.current,
        "newest_sale": _iso(dossier.last_sale),
        "kpis": dict(report.values) if report else {},
        "findings": [asdict(one) for one in report.findings] if report else [],
        "offences": [asdict(one) for one in dossier.violations],
        "tables": [asdict(one) for one in dossier.tables],
        "models": [asdict(one) for one in dossier.models],
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
