"""Write the proposed customer file as YAML: beside every proposal its confidence and reason, to be edited."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from capflow_assets.onboarding.profiling.places import Place
from capflow_assets.onboarding.proposal import ColumnProposal, Proposal, TableProposal

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_TEXT = frozenset(
    ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none")
)  # words that YAML takes for something else


@dataclass(frozen=True)
class RetailerFacts:
    """What only the retailer knows; None where the user has not given it."""

    vertical: str | None = None
    currency: str | None = None
    timezone: str | None = None

    def questions(self) -> list[str]:
        """Return the questions that are still open."""
        open_questions = []
        if self.vertical is None:
            open_questions.append("vertical: what does this retailer sell? (like grocery or fashion; now 'retail')")
        if self.currency is None:
            open_questions.append("currency: which currency are the amounts in? (three letters; now XXX, meaning none)")
        if self.timezone is None:
            open_questions.append("timezone: which time zone are the times in? (like Europe/London; now UTC)")
        return open_questions


def customer_yaml(name: str, places: Sequence[Place], proposal: Proposal, retailer: RetailerFacts) -> str:
    """Return the YAML text of the customer file."""
    return "\n".join(_render_lines(name, places, proposal, retailer)) + "\n"


def _render_lines(name: str, places: Sequence[Place], proposal: Proposal, retailer: RetailerFacts) -> Iterator[str]:
    yield f"# {name}: proposed by `capflow customer add {name} --from ...`. Correct what is wrong, then run"
    yield f"# `capflow customer check {name}`. The comment behind each column says how sure CapFlow is, and why."
    yield f"name: {yaml_scalar(name)}"
    yield _setting("vertical", retailer.vertical, "retail", "what does this retailer sell?")
    yield _setting("currency", retailer.currency, "XXX", "which currency? XXX means none")
    yield _setting("timezone", retailer.timezone, "UTC", "which time zone are the times in? like Europe/London")
    yield "sources:"
    used = {table.facts.source for table in proposal.tables.values()}
    for place in places:
        if place.source in used:
            yield from _source(place)
    yield "tables:"
    for table in proposal.tables.values():
        yield from _table(table, {place.source: place for place in places}, proposal)
    for facts in proposal.unused:
        yield f"# not used: {facts.name} ({', '.join(column.name for column in facts.columns[:8])})"


def _setting(key: str, value: str | None, default: str, question: str) -> str:
    return f"{key}: {yaml_scalar(value)}" if value is not None else f"{key}: {default}  # ? {question}"


def _source(place: Place) -> Iterator[str]:
    yield f"  {yaml_scalar(place.source)}:"
    yield f"    kind: {place.kind}"
    yield f"    uri: {json.dumps(place.written, ensure_ascii=False)}"
    if place.options:
        yield f"    options: {{{', '.join(f'{key}: {json.dumps(value)}' for key, value in place.options.items())}}}"


def _table(table: TableProposal, places: dict[str, Place], proposal: Proposal) -> Iterator[str]:
    yield f"  {table.table}:"
    yield f"    source: {yaml_scalar(table.facts.source)}"
    if table.facts.table is not None:
        yield f"    table: {yaml_scalar(table.facts.table)}"
    yield "    columns:"
    for name, column in table.columns.items():
        yield f"      {name}: {_column(column)}  # {one_line(explain(column))}"
    if table.attributes:
        yield f"    attributes: [{', '.join(map(yaml_scalar, table.attributes))}]"
    rules = table.rules
    if rules.returns:
        yield f"    returns: {json.dumps(rules.returns)}  # {rules.why_returns}"
    if rules.drop_items:
        yield f"    drop_items: [{', '.join(map(yaml_scalar, rules.drop_items))}]  # not goods, by text and code"
    if rules.doubtful_items:
        yield f"    # possibly not goods either: {one_line(', '.join(rules.doubtful_items))}"
    if table.drop_duplicates:
        yield f"    drop_duplicates: true  # {table.facts.duplicates:,} exact copies in {table.facts.rows:,} rows"
    if table.distinct:
        yield "    distinct: true"
    for note in table.notes:
        yield f"    # ? {one_line(note)}"
    rest = proposal.leftover_columns().get(table.facts.name)
    if rest and next(other for other in proposal.tables.values() if other.facts is table.facts) is table:
        yield f"    # not used: {one_line(', '.join(rest))}"


def _column(column: ColumnProposal) -> str:
    if not column.sources:
        return f"{{value: {json.dumps(column.value)}}}"
    names = [yaml_scalar(name) for name in column.sources]
    written = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
    further = [f"format: {json.dumps(column.format)}"] if column.format else []
    further += [f"timezone: {column.timezone}"] if column.timezone else []
    return f"{{column: {written}, {', '.join(further)}}}" if further else written


def explain(column: ColumnProposal) -> str:
    """Return confidence, reasons and alternatives: "likely: its name says so; 50% are 0 (or coupon_disc?)"."""
    other = f" (or {', '.join(column.alternatives)}?)" if column.alternatives else ""
    return f"{column.confidence}: {'; '.join(column.reasons[:3])}{other}"


def one_line(text: str) -> str:
    """Return the text in one printable line, so that it stays in its comment whatever a source's columns are called."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def yaml_scalar(text: str) -> str:
    """Return a text as YAML reads it back: plain where possible, else in quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    return json.dumps(text, ensure_ascii=False)
