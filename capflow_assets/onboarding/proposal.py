"""The proposal for a customer file: which table fills which canonical table, column by column, and what is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from capflow_assets.onboarding.context import Context
from capflow_assets.onboarding.dimensions import attributes_of, category_of, describing, functional
from capflow_assets.onboarding.facts import Table
from capflow_assets.onboarding.match import Confidence, Match, matches
from capflow_assets.onboarding.roles import Role, lines_of, others_of, refers
from capflow_assets.onboarding.sales import NO_RULES, SaleRules, sale_rules
from partitions.canonical import CANONICAL_COLUMNS, TIME_COLUMNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ORDER = ("line_items", "bills", "items", "users", "contacts", "reviews", "media")


@dataclass(frozen=True)
class ColumnProposal:
    """How one canonical column would be filled, how surely, and why."""

    sources: tuple[str, ...] = ()
    value: str | bool | None = None
    format: str | None = None
    timezone: str | None = None
    confidence: Confidence = "sure"
    reasons: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableProposal:
    """One canonical table: where from, its columns, its rules, and what the user should look at (`notes`)."""

    table: str
    facts: Table
    columns: Mapping[str, ColumnProposal]
    attributes: tuple[str, ...] = ()
    rules: SaleRules = NO_RULES
    distinct: bool = False
    drop_duplicates: bool = False
    notes: tuple[str, ...] = ()

    @property
    def used(self) -> set[str]:
        """The source columns that are mapped."""
        return {name for column in self.columns.values() for name in column.sources} | set(self.attributes)


@dataclass(frozen=True)
class Proposal:
    """All of it. `unused` are tables that fill none; `questions` what only the retailer knows; `lacks` why not."""

    tables: Mapping[str, TableProposal]
    unused: tuple[Table, ...]
    questions: tuple[str, ...] = ()
    lacks: str = ""

    def unmapped(self) -> dict[str, list[str]]:
        """The columns of each used source table that no canonical table takes."""
        left: dict[str, list[str]] = {}
        for facts in {id(table.facts): table.facts for table in self.tables.values()}.values():
            used = {name for table in self.tables.values() if table.facts is facts for name in table.used}
            if rest := [column.name for column in facts.columns if column.name not in used]:
                left[facts.name] = rest
        return left


def propose(tables: Sequence[Table], con: DuckDBPyConnection, timezone: str | None = None) -> Proposal:
    """The best reading of these tables. `timezone` is the retailer's own, when the user gave it.

    Without a table of sales, `lacks` says what is missing and `tables` what was found beside.
    """
    lines = lines_of(tables)
    if lines is None:
        beside = others_of(tables, Role("line_items", Table("", None, (), 0, 0), {}, 0))
        return Proposal({}, tuple(tables), lacks=_lacks(tables, beside))
    roles = others_of(tables, lines)
    proposed = {"line_items": _lines(lines, con, timezone)}
    for name, role in roles.items():
        proposed[name] = _beside(role, tables)
    context = Context(lines.table, refers(lines.table, tables))
    if "items" not in proposed and (items := _items_of_lines(lines, context)):
        proposed["items"] = items
    if "users" not in proposed and (users := _users_of_lines(lines, proposed)):
        proposed["users"] = users
    used = [table.facts for table in proposed.values()]
    unused = tuple(table for table in tables if all(table is not other for other in used))
    return Proposal(
        {name: proposed[name] for name in ORDER if name in proposed}, unused, _questions(proposed, lines, roles)
    )


def _column(match: Match, table: Table) -> ColumnProposal:
    facts = table.column(match.source)
    confidence, reasons, alternatives = match.confidence, match.reasons, match.alternatives
    pattern = None
    if match.column in TIME_COLUMNS and facts.dates:
        pattern = facts.dates.pattern
        reasons += (facts.dates.proof,) if facts.dates.proof else ()
        if facts.dates.doubt:
            confidence = "likely" if confidence == "sure" else "guess"
            alternatives += (f"format {facts.dates.doubt}",)
    return ColumnProposal(
        (match.source,), format=pattern, confidence=confidence, reasons=reasons, alternatives=alternatives
    )


def _columns(found: Mapping[str, Match], table: Table) -> dict[str, ColumnProposal]:
    known = [name for name in CANONICAL_COLUMNS["line_items"] if name in found]
    return {name: _column(found[name], table) for name in dict.fromkeys([*known, *found])}


def _lines(role: Role, con: DuckDBPyConnection, timezone: str | None) -> TableProposal:
    columns = _columns(role.matches, role.table)
    notes: list[str] = []
    if role.itemless:
        columns["item_id"] = ColumnProposal(value="any", confidence="guess", reasons=("no column names what was sold",))
        notes.append("no column names what was sold: every line is of the item 'any', and models of items say nothing")
    rules = sale_rules(role, con, timezone)
    if rules.timezone and "ts" in columns:
        columns["ts"] = replace(columns["ts"], timezone=rules.timezone)
    share = role.table.duplicates / max(role.table.rows, 1)
    # Two cups of coffee in one minute are no copy: without a bill and a quantity, equal rows may be two sales.
    told_apart = "bill_id" in columns and "quantity" in columns
    if role.table.duplicates and not told_apart:
        notes.append(
            f"{role.table.duplicates:,} rows are exact copies of others: two equal sales, or one sent twice? "
            "drop_duplicates: true keeps one of each"
        )
    elif share > 0.05:
        notes.append(f"{share:.0%} of the rows are exact copies: a file may have been loaded twice")
    return TableProposal(
        "line_items",
        role.table,
        columns,
        rules=rules,
        drop_duplicates=bool(role.table.duplicates) and told_apart and share <= 0.05,
        notes=tuple(notes) + rules.notes,
    )


def _beside(role: Role, tables: Sequence[Table]) -> TableProposal:
    table = role.table
    columns = _columns(role.matches, table)
    attributes: tuple[str, ...] = ()
    notes: list[str] = []
    if role.canonical == "items":
        _add_category(columns, Context(table, refers(table, tables)), table, None)
    if role.canonical == "users":
        taken = {name for column in columns.values() for name in column.sources}
        attributes = attributes_of(table, taken)
    if role.canonical == "contacts":
        notes += _open_contacts(columns)
    if role.canonical == "media":
        columns["kind"] = ColumnProposal(value=_media_kind(role), confidence="likely", reasons=("by the files' names",))
    return TableProposal(role.canonical, table, columns, attributes, notes=tuple(notes))


def _open_contacts(columns: Mapping[str, ColumnProposal]) -> list[str]:
    notes = []
    if "treated" not in columns:
        notes.append("if everyone listed was sent the campaign, add  treated: {value: true}")
    if "channel" not in columns:
        notes.append("how they were reached is not told; add it, like  channel: {value: mail}")
    if "sent_at" not in columns:
        notes.append("when it was sent is not told (if another table has it, join the two into a view)")
    return notes


def _add_category(columns: dict[str, ColumnProposal], context: Context, table: Table, item: str | None) -> None:
    taken = {name for column in columns.values() for name in column.sources}
    path = category_of(context, taken, item)
    if path.columns:
        columns["category"] = ColumnProposal(path.columns, confidence=path.confidence, reasons=path.reasons)
        if "description" not in columns:
            finest = path.columns[-1]
            reasons = ("nothing describes an item; this is the finest group",)
            columns["description"] = ColumnProposal((finest,), confidence="guess", reasons=reasons)


def _items_of_lines(lines: Role, context: Context) -> TableProposal | None:
    """Items read from the lines, where these describe them."""
    match = lines.matches.get("item_id")
    if match is None:
        return None
    item, table = match.source, lines.table
    taken = {other.source for other in lines.matches.values()}
    columns = {"item_id": ColumnProposal((item,), confidence=match.confidence, reasons=("as in line_items",))}
    for name, found in matches("items", context, leave_out=taken).items():
        if name in ("description", "brand", "image") and functional(table, item, found.source) > 0.6:
            columns[name] = _column(found, table)
    if "description" not in columns and (text := describing(table, item, taken)):
        columns["description"] = ColumnProposal((text,), confidence="guess", reasons=("a text that the item decides",))
    _add_category(columns, context, table, item)
    if "description" not in columns and table.column(item).kind == "text" and table.column(item).words > 1.3:
        reasons = ("the item's own name",)
        columns["description"] = ColumnProposal((item,), confidence=match.confidence, reasons=reasons)
    if len(columns) == 1:
        return None
    return TableProposal("items", table, columns, distinct=True)


def _users_of_lines(lines: Role, proposed: Mapping[str, TableProposal]) -> TableProposal | None:
    """Shoppers read from the lines, where these tell more of them than their purchases."""
    match = lines.matches.get("user_id")
    if match is None:
        return None
    taken = {name for table in proposed.values() for name in table.used}
    attributes = attributes_of(lines.table, taken, match.source)
    if not attributes:
        return None
    columns = {"user_id": ColumnProposal((match.source,), confidence=match.confidence, reasons=("as in line_items",))}
    if "ts" in proposed["line_items"].columns:
        first = proposed["line_items"].columns["ts"]
        columns["first_seen"] = replace(first, reasons=("the first purchase",), alternatives=())
    return TableProposal("users", lines.table, columns, attributes, distinct=True)


def _media_kind(role: Role) -> str:
    paths = role.table.values.get(role.matches["uri"].source, frozenset())
    sound = (".wav", ".mp3", ".ogg", ".flac", ".m4a", ".aac")
    return "audio" if any(path.lower().endswith(sound) for path in list(paths)[:100]) else "image"


def _questions(proposed: Mapping[str, TableProposal], lines: Role, roles: Mapping[str, Role]) -> tuple[str, ...]:
    questions = []
    columns = proposed["line_items"].columns
    bills = roles.get("bills")
    for name in ("ts", "user_id"):
        if name not in columns:
            elsewhere = bills is not None and name in bills.matches
            where = f"; {bills.table.name} has it, by bill_id: join the two into a view" if bills and elsewhere else ""
            questions.append(f"{lines.table.name} has no {name}: models that need it will not be available{where}")
    for table in proposed.values():
        for name, column in table.columns.items():
            if column.confidence == "guess":
                written = " > ".join(column.sources) or repr(column.value)
                questions.append(f"{table.table}.{name}: is {written} right?")
            elif column.alternatives:
                other = ", ".join(column.alternatives)
                questions.append(f"{table.table}.{name}: {' > '.join(column.sources)}, or {other}?")
    return tuple(questions)


_TELLING = ("bill_id", "user_id", "item_id", "ts", "quantity", "unit_price", "amount")
_NEEDED = {
    "an item": ("item_id",),
    "a price or amount": ("unit_price", "amount"),
    "a moment, bill or shopper": ("ts", "bill_id", "user_id"),
}


def _lacks(tables: Sequence[Table], beside: Mapping[str, Role]) -> str:
    """Why nothing here can be a retailer's sales, in one line."""
    most, nearest = 0, ""
    for table in tables:
        found = matches("line_items", Context(table, refers(table, tables)))
        have = [name for name in _TELLING if name in found]
        if len(have) > most:
            told = ", ".join(f"{found[name].source} -> {name}" for name in have)
            lack = " and ".join(what for what, names in _NEEDED.items() if not set(names) & set(have))
            most, nearest = len(have), f"; {table.name} comes nearest ({told})" + (f" but lacks {lack}" if lack else "")
    others = ", ".join(f"{name} ({role.table.name})" for name, role in beside.items())
    other = f"; beside sales, this was found: {others}" if others else ""
    return f"no table here holds sales, with a row for each item sold{nearest}{other}"
