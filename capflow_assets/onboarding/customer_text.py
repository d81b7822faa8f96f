"""The customer file as it is written: every proposal with its confidence and reason beside it, to be edited."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from capflow_assets.onboarding.places import Place
from capflow_assets.onboarding.proposal import ColumnProposal, Proposal, TableProposal

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_TEXT = frozenset(
    ("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none")
)  # words that YAML takes for something else


@dataclass(frozen=True)
class Told:
    """What only the retailer knows; None where the user has not told it."""

    vertical: str | None = None
    currency: str | None = None
    timezone: str | None = None

    def open(self) -> list[str]:
        """The questions that the file leaves open."""
        asked = []
        if self.vertical is None:
            asked.append("vertical: what does this retailer sell? (like grocery or fashion; it stands at 'retail')")
        if self.currency is None:
            asked.append("currency: which one are the amounts in? (three letters; it stands at XXX, which is none)")
        if self.timezone is None:
            asked.append("timezone: where were the times written down? (like Europe/London; it stands at UTC)")
        return asked


def customer_text(name: str, places: Sequence[Place], proposal: Proposal, told: Told) -> str:
    """The YAML text of the customer file."""
    return "\n".join(_lines(name, places, proposal, told)) + "\n"


def _lines(name: str, places: Sequence[Place], proposal: Proposal, told: Told) -> Iterator[str]:
    yield f"# {name}: proposed by `capflow customer add {name} --from ...`. Correct what is wrong, then look at it with"
    yield f"# `capflow customer check {name}`. Behind each column stands how sure CapFlow is, and why."
    yield f"name: {scalar(name)}"
    yield _known("vertical", told.vertical, "retail", "what does this retailer sell?")
    yield _known("currency", told.currency, "XXX", "which currency? XXX means none")
    yield _known("timezone", told.timezone, "UTC", "where were the times written down? like Europe/London")
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


def _known(key: str, value: str | None, standing: str, question: str) -> str:
    return f"{key}: {scalar(value)}" if value is not None else f"{key}: {standing}  # ? {question}"


def _source(place: Place) -> Iterator[str]:
    yield f"  {scalar(place.source)}:"
    yield f"    kind: {place.kind}"
    yield f"    uri: {json.dumps(place.written, ensure_ascii=False)}"
    if place.options:
        yield f"    options: {{{', '.join(f'{key}: {json.dumps(value)}' for key, value in place.options.items())}}}"


def _table(table: TableProposal, places: dict[str, Place], proposal: Proposal) -> Iterator[str]:
    yield f"  {table.table}:"
    yield f"    source: {scalar(table.facts.source)}"
    if table.facts.table is not None:
        yield f"    table: {scalar(table.facts.table)}"
    yield "    columns:"
    for name, column in table.columns.items():
        yield f"      {name}: {_column(column)}  # {one_line(reason(column))}"
    if table.attributes:
        yield f"    attributes: [{', '.join(map(scalar, table.attributes))}]"
    rules = table.rules
    if rules.returns:
        yield f"    returns: {json.dumps(rules.returns)}  # {rules.why_returns}"
    if rules.drop_items:
        yield f"    drop_items: [{', '.join(map(scalar, rules.drop_items))}]  # no goods, by their texts and codes"
    if rules.perhaps:
        yield f"    # perhaps no goods either: {one_line(', '.join(rules.perhaps))}"
    if table.drop_duplicates:
        yield f"    drop_duplicates: true  # {table.facts.duplicates:,} exact copies in {table.facts.rows:,} rows"
    if table.distinct:
        yield "    distinct: true"
    for note in table.notes:
        yield f"    # ? {one_line(note)}"
    rest = proposal.unmapped().get(table.facts.name)
    if rest and next(other for other in proposal.tables.values() if other.facts is table.facts) is table:
        yield f"    # not used: {one_line(', '.join(rest))}"


def _column(column: ColumnProposal) -> str:
    if not column.sources:
        return f"{{value: {json.dumps(column.value)}}}"
    names = [scalar(name) for name in column.sources]
    written = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
    further = [f"format: {json.dumps(column.format)}"] if column.format else []
    further += [f"timezone: {column.timezone}"] if column.timezone else []
    return f"{{column: {written}, {', '.join(further)}}}" if further else written


def reason(column: ColumnProposal) -> str:
    """How sure, why, and what else: "likely: its name says it; 50% are 0 (or coupon_disc?)"."""
    other = f" (or {', '.join(column.alternatives)}?)" if column.alternatives else ""
    return f"{column.confidence}: {'; '.join(column.reasons[:3])}{other}"


def one_line(text: str) -> str:
    """Text that stays in its comment, whatever a source's columns are called."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def scalar(text: str) -> str:
    """A text as YAML reads it back: plain where it can be, else in quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    return json.dumps(text, ensure_ascii=False)
