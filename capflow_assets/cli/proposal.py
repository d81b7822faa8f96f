"""A proposed customer file as a person reads it: what fills what, how surely, and what it is good for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from capflow_assets.onboarding.onboard import Onboarding
    from capflow_assets.onboarding.proposal import TableProposal

COLOURS = {"sure": "green", "likely": "yellow", "guess": "red"}


def print_proposal(found: Onboarding, name: str, path: Path) -> None:
    """One table for each canonical table, then the models, the questions, and what to do next."""
    from capflow_assets.cli.table import CONSOLE

    def say(text: str = "") -> None:
        CONSOLE.print(text, highlight=False, markup=False, soft_wrap=True)

    for table in found.proposal.tables.values():
        _print_table(found, table)
    for facts in found.proposal.unused:
        say(f"not used: {facts.name} ({facts.total:,} rows)")
    if found.ignored:
        more = f" and {len(found.ignored) - 5} more" if len(found.ignored) > 5 else ""
        say(f"not read: {', '.join(found.ignored[:5])}{more}")
    size = found.coverage
    say(f"\n{size.users:,} shoppers, {size.bills:,} bills, {size.days:,} days of history. With this data:")
    for model, lacking in size.models.items():
        say(f"  {'-' if lacking else '+'} {model}{': ' + lacking if lacking else ''}")
    if found.questions:
        say("\nTo answer in the file:")
        for question in found.questions:
            say(f"  ? {question}")
    if found.secrets:
        say(f"\nSet {' and '.join(found.secrets)} in the environment: the file names them, and holds no secret.")
    say(f"\n{path} is written. Correct it, then: capflow customer check {name}, capflow run --customer {name}")


def _print_table(found: Onboarding, table: TableProposal) -> None:
    from rich.markup import escape
    from rich.table import Table

    from capflow_assets.cli.table import CONSOLE
    from capflow_assets.onboarding.customer_text import reason

    covered = found.coverage.tables[table.table]
    looked = "" if covered.looked_at == covered.rows else f", the first {covered.looked_at:,} looked at"
    title = f"{table.table} from {table.facts.name}: {covered.rows:,} rows{looked}"
    rows = Table("column", "filled by", "filled", "confidence", "first", box=None, title=escape(title))
    rows.title_justify = "left"
    for name, column in table.columns.items():
        confidence, _, why = reason(column).partition(": ")
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
    for reason_, count in covered.left_out.items():
        CONSOLE.print(f"  left out: {escape(reason_)} {count:,} rows", highlight=False)
    CONSOLE.print()


def proposal_facts(found: Onboarding, path: Path) -> dict[str, Any]:
    """The same for programs."""
    return {
        "file": str(path),
        "tables": {name: _facts(found, table) for name, table in found.proposal.tables.items()},
        "unmapped": found.proposal.unmapped(),
        "unused": [facts.name for facts in found.proposal.unused],
        "not_read": list(found.ignored),
        "shoppers": found.coverage.users,
        "bills": found.coverage.bills,
        "days": found.coverage.days,
        "models": found.coverage.models,
        "questions": list(found.questions),
        "variables": list(found.secrets),
    }


def _facts(found: Onboarding, table: TableProposal) -> Mapping[str, Any]:
    covered = found.coverage.tables[table.table]
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
