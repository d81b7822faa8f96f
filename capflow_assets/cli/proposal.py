"""Print a proposed customer file: what fills each column, how sure that is, and which models the data supports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from capflow_assets.onboarding.onboard import Onboarding
    from capflow_assets.onboarding.proposal import TableProposal

COLOURS = {"sure": "green", "likely": "yellow", "guess": "red"}


def print_proposal(onboarding: Onboarding, name: str, path: Path) -> None:
    """Print a table for each canonical table, then the models, the questions, and what to do next."""
    from capflow_assets.cli.output import CONSOLE

    def say(text: str = "") -> None:
        CONSOLE.print(text, highlight=False, markup=False, soft_wrap=True)

    for table in onboarding.proposal.tables.values():
        _print_table(onboarding, table)
    for facts in onboarding.proposal.unused:
        say(f"not used: {facts.name} ({facts.total:,} rows)")
    if onboarding.ignored:
        more = f" and {len(onboarding.ignored) - 5} more" if len(onboarding.ignored) > 5 else ""
        say(f"not read: {', '.join(onboarding.ignored[:5])}{more}")
    size = onboarding.coverage
    say(f"\n{size.users:,} shoppers, {size.bills:,} bills, {size.days:,} days of history. Models for this data:")
    for model, lacking in size.models.items():
        say(f"  {'-' if lacking else '+'} {model}{': ' + lacking if lacking else ''}")
    if onboarding.questions:
        say("\nTo answer in the file:")
        for question in onboarding.questions:
            say(f"  ? {question}")
    if onboarding.secrets:
        variables = " and ".join(onboarding.secrets)
        say(f"\nSet {variables} in the environment: the file refers to them and contains no secret.")
    say(f"\nWrote {path}. Correct it, then: capflow customer check {name}, capflow run --customer {name}")


def _print_table(onboarding: Onboarding, table: TableProposal) -> None:
    from rich.markup import escape
    from rich.table import Table

    from capflow_assets.cli.output import CONSOLE
    from capflow_assets.onboarding.customer_yaml import explain

    covered = onboarding.coverage.tables[table.table]
    sample_note = (
        "" if covered.looked_at == covered.rows else f", of which the first {covered.looked_at:,} were looked at"
    )
    title = f"{table.table} from {table.facts.name}: {covered.rows:,} rows{sample_note}"
    rows = Table("column", "filled by", "filled", "confidence", "first", box=None, title=escape(title))
    rows.title_justify = "left"
    for name, column in table.columns.items():
        confidence, _, why = explain(column).partition(": ")
        first = next((str(row[name]) for row in covered.first if row.get(name) is not None), "")
        rows.add_row(
            name,
            escape(" > ".join(column.sources) or f"always {column.value!r}"),
            f"{covered.filled[name]:.1%}",
            f"[{COLOURS[confidence]}]{confidence}[/]: {escape(why)}",
            escape(first[:24]),
        )
    for attribute in table.attributes:
        rows.add_row(escape(attribute), escape(attribute), "", "attribute", "")
    CONSOLE.print(rows)
    for reason, count in covered.left_out.items():
        CONSOLE.print(f"  left out: {escape(reason)} {count:,} rows", highlight=False)
    CONSOLE.print()


def proposal_json(onboarding: Onboarding, path: Path) -> dict[str, Any]:
    """Return the proposal, its coverage and its questions for programs."""
    return {
        "file": str(path),
        "tables": {name: _table_json(onboarding, table) for name, table in onboarding.proposal.tables.items()},
        "unmapped": onboarding.proposal.leftover_columns(),
        "unused": [facts.name for facts in onboarding.proposal.unused],
        "not_read": list(onboarding.ignored),
        "shoppers": onboarding.coverage.users,
        "bills": onboarding.coverage.bills,
        "days": onboarding.coverage.days,
        "models": onboarding.coverage.models,
        "questions": list(onboarding.questions),
        "variables": list(onboarding.secrets),
    }


def _table_json(onboarding: Onboarding, table: TableProposal) -> Mapping[str, Any]:
    covered = onboarding.coverage.tables[table.table]
    columns = {
        name: {
            "from": list(column.sources),
            "value": column.value,
            "format": column.format,
            "timezone": column.timezone,
            "confidence": column.confidence,
            "reasons": list(column.reasons),
            "alternatives": list(column.alternatives),
            "filled": round(covered.filled[name], 6),
        }
        for name, column in table.columns.items()
    }
    return {
        "source": table.facts.name,
        "rows": covered.rows,
        "looked_at": covered.looked_at,
        "columns": columns,
        "attributes": list(table.attributes),
        "left_out": covered.left_out,
        "first": [dict(row) for row in covered.first],
    }
