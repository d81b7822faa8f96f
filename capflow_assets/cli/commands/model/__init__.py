"""`capflow model`: list the models, plug in one more, and check that it keeps the contract."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from capflow_assets.cli.command_folder import CommandFolder
from capflow_assets.cli.options import json_option, require_model
from capflow_assets.scaffold import KINDS, ScaffoldError, scaffold

if TYPE_CHECKING:
    from capflow_assets.conformance.isolated import ConformanceReport, Result
    from capflow_assets.contract.model import Model


@click.group(name="model", cls=CommandFolder, package=__name__)
def command() -> None:
    """Look at the models, add one, and check that it keeps the contract (docs/models.md)."""


@command.command(name="list")
@json_option
def list_models(as_json: bool) -> None:
    """Show every model: what it predicts, from what, and how it is judged; and which one cannot be used, and why."""
    from capflow_assets.run.catalogue import broken_plugins

    rows = sorted(
        (
            {
                "name": name,
                "title": model.title,
                "family": model.family,
                "task": model.task,
                "method": model.method,
                "unit": model.unit,
                "tables": model.tables,
                "features": model.features,
                "horizon_days": model.horizon_days,
                "metric": model.metric,
                "baseline": model.baseline_name,
                "settings": dict(model.settings),
            }
            for name, model in _models().items()
        ),
        key=lambda row: (row["family"], row["name"]),
    )
    broken = broken_plugins("model", "feature set")
    if as_json:
        click.echo(json.dumps([*rows, *({"name": plugin.name, "broken": str(plugin)} for plugin in broken)]))
        return
    for family, models in groupby(rows, key=lambda row: row["family"]):
        click.echo(family)
        for row in models:
            ahead = f"{row['horizon_days']:>3} days"
            click.echo(f"  {row['name']:<26} {row['task']:<10} {ahead}  {row['metric']:<18} {row['title']}")
    for plugin in broken:
        click.secho(str(plugin), fg="red")


@command.command(name="new")
@click.argument("name")
@click.option("--kind", type=click.Choice(list(KINDS)), required=True, help="What kind of model to begin with.")
@click.option("--package", type=click.Path(file_okay=False, path_type=Path), help="The folder of a package of yours.")
def new(name: str, kind: str, package: Path | None) -> None:
    """Write a working model called NAME and its test, to be changed into yours.

    Inside a checkout of CapFlow it becomes capflow_assets/models/NAME.py. Elsewhere it is written to --package (or
    here) and the command prints what that package's pyproject.toml must say; an empty folder gets one.
    """
    try:
        written = scaffold(name, kind, package, Path.cwd(), tuple(_models()))
    except ScaffoldError as error:
        raise click.UsageError(str(error)) from None
    for path in written.files:
        click.echo(f"wrote {path}")
    if written.to_add:
        click.echo(f"\nAdd to {written.pyproject} (below a heading that exists already), so that CapFlow finds it:")
        click.echo(f"\n{written.to_add}")
    click.echo(f"\nChange it (docs/models.md), then: {written.check}")


@command.command(name="check")
@click.argument("model")
@click.option("--timeout", default=300.0, show_default=True, type=click.FloatRange(min=1), help="Seconds in all.")
@json_option
def check(model: str, timeout: float, as_json: bool) -> None:
    """Run the conformance suite on MODEL, a name or a .py file. Exit 3 when it fails one of the checks."""
    from capflow_assets.conformance.isolated import NoModelError, check_in_new_process

    _require_known(model)
    try:
        report = check_in_new_process(model, timeout, (lambda result: None) if as_json else _print_result)
    except NoModelError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(_facts(report)))
    else:
        click.echo(_summary(report))
    if not report.passed:
        raise click.exceptions.Exit(3)


def _models() -> dict[str, Model]:
    from capflow_assets.run.catalogue import models

    return models()


def _require_known(model: str) -> None:
    from capflow_assets.run.catalogue import broken_plugins

    if model.endswith(".py"):
        if not Path(model).is_file():
            raise click.UsageError(f"there is no file {model}")
    elif broken := next((plugin for plugin in broken_plugins("model") if plugin.name == model), None):
        raise click.ClickException(str(broken))
    else:
        require_model(model, _models())


def _print_result(result: Result) -> None:
    mark = click.style(f"{'FAILED' if result.status == 'failed' else result.status:<8}", fg=_COLOURS[result.status])
    reason = " ".join((result.why or "").split())
    click.echo(f"{mark} {result.check}{': ' + reason if reason else ''}")


_COLOURS = {"ok": "green", "failed": "red", "not run": None}


def _summary(report: ConformanceReport) -> str:
    from capflow_assets.conformance.limits import FIT_BYTES, FIT_SECONDS, MIB

    failed = sum(result.status != "ok" for result in report.results)
    text = f"{report.model}: {f'{failed} of {len(report.results)} failed or not run' if failed else 'all passed'}"
    if report.cost:
        text += f"; fit took {report.cost.seconds:.1f} CPU-s (limit {FIT_SECONDS:.0f}) and "
        text += f"{report.cost.grown_bytes / MIB:,.0f} MiB (limit {FIT_BYTES / MIB:,.0f} MiB)"
    return f"{text}; the suite {report.seconds:.0f} s"


def _facts(report: ConformanceReport) -> dict[str, Any]:
    from capflow_assets.conformance.limits import FIT_BYTES, FIT_SECONDS, MIB

    return {
        "model": report.model,
        "passed": report.passed,
        "checks": [vars(result) for result in report.results],
        "fit_cpu_seconds": report.cost and round(report.cost.seconds, 3),
        "fit_mib": report.cost and round(report.cost.grown_bytes / MIB, 1),
        "limits": {"fit_cpu_seconds": FIT_SECONDS, "fit_mib": FIT_BYTES / MIB},
        "seconds": round(report.seconds, 1),
    }
