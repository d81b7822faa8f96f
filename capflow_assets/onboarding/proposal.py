"""Propose a customer file: which table fills which canonical table, column by column, and which questions are open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from capflow_assets.onboarding.dimensions import find_attributes, find_category, find_description
from capflow_assets.onboarding.matching.column_matching import Confidence, Match, match_columns
from capflow_assets.onboarding.matching.table_context import TableContext
from capflow_assets.onboarding.matching.table_roles import Role, find_other_tables, find_references, find_sales
from capflow_assets.onboarding.profiling.profiles import ProfiledTable
from capflow_assets.onboarding.sale_rules import NO_RULES, SaleRules, find_sale_rules
from partitions.canonical import CANONICAL_COLUMNS, TIME_COLUMNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ORDER = ("line_items", "bills", "items", "users", "contacts", "reviews", "media")


@dataclass(frozen=True)
class ColumnProposal:
    """How to fill one canonical column, with confidence and reasons."""

    sources: tuple[str, ...] = ()
    value: str | bool | None = None
    format: str | None = None
    timezone: str | None = None
    confidence: Confidence = "sure"
    reasons: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableProposal:
    """One canonical table: its source, columns and rules, and `notes` on what the user should check."""

    table: str
    facts: ProfiledTable
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
    """The whole proposal. `unused` are tables that fill no canonical table; `questions` only the retailer can answer.

    `missing` says why the data holds no sales ("" if it does).
    """

    tables: Mapping[str, TableProposal]
    unused: tuple[ProfiledTable, ...]
    questions: tuple[str, ...] = ()
    missing: str = ""

    def leftover_columns(self) -> dict[str, list[str]]:
        """Return the columns of each used source table that no canonical table uses."""
        left: dict[str, list[str]] = {}
        for facts in {id(table.facts): table.facts for table in self.tables.values()}.values():
            used = {name for table in self.tables.values() if table.facts is facts for name in table.used}
            if rest := [column.name for column in facts.columns if column.name not in used]:
                left[facts.name] = rest
        return left


def propose(tables: Sequence[ProfiledTable], con: DuckDBPyConnection, timezone: str | None = None) -> Proposal:
    """Propose the best reading of these tables. `timezone` is the retailer's, when the user gave it.

    Without a table of sales, the proposal has no tables and `missing` says what is lacking and what was found instead.
    """
    lines = find_sales(tables)
    if lines is None:
        beside = find_other_tables(tables, Role("line_items", ProfiledTable("", None, (), 0, 0), {}, 0))
        return Proposal({}, tuple(tables), missing=_explain_missing_sales(tables, beside))
    roles = find_other_tables(tables, lines)
    proposed = {"line_items": _propose_sales(lines, con, timezone)}
    for name, role in roles.items():
        proposed[name] = _propose_table(role, tables)
    context = TableContext(lines.table, find_references(lines.table, tables))
    if "items" not in proposed and (items := _propose_items(lines, context)):
        proposed["items"] = items
    if "users" not in proposed and (users := _propose_users(lines, proposed)):
        proposed["users"] = users
    used = [table.facts for table in proposed.values()]
    unused = tuple(table for table in tables if all(table is not other for other in used))
    return Proposal(
        {name: proposed[name] for name in ORDER if name in proposed}, unused, _questions(proposed, lines, roles)
    )


def _column(match: Match, table: ProfiledTable) -> ColumnProposal:
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


def _columns(matches: Mapping[str, Match], table: ProfiledTable) -> dict[str, ColumnProposal]:
    in_order = [name for name in CANONICAL_COLUMNS["line_items"] if name in matches]
    return {name: _column(matches[name], table) for name in dict.fromkeys([*in_order, *matches])}


def _propose_sales(role: Role, con: DuckDBPyConnection, timezone: str | None) -> TableProposal:
    columns = _columns(role.matches, role.table)
    notes: list[str] = []
    if role.itemless:
        columns["item_id"] = ColumnProposal(value="any", confidence="guess", reasons=("no column names what was sold",))
        notes.append("no column names what was sold: every line has the item 'any', and models of items are of no use")
    rules = find_sale_rules(role, con, timezone)
    if rules.timezone and "ts" in columns:
        columns["ts"] = replace(columns["ts"], timezone=rules.timezone)
    share = role.table.duplicates / max(role.table.rows, 1)
    # Two cups of coffee in one minute are no copy: without a bill and a quantity, equal rows may be two sales.
    is_distinguishable = "bill_id" in columns and "quantity" in columns
    if role.table.duplicates and not is_distinguishable:
        notes.append(
            f"{role.table.duplicates:,} rows are exact copies of others: are they equal sales, or was one sent twice? "
            "drop_duplicates: true keeps one of each"
        )
    elif share > 0.05:
        notes.append(f"{share:.0%} of the rows are exact copies: a file may present been loaded twice")
    return TableProposal(
        "line_items",
        role.table,
        columns,
        rules=rules,
        drop_duplicates=bool(role.table.duplicates) and is_distinguishable and share <= 0.05,
        notes=tuple(notes) + rules.notes,
    )


def _propose_table(role: Role, tables: Sequence[ProfiledTable]) -> TableProposal:
    table = role.table
    columns = _columns(role.matches, table)
    attributes: tuple[str, ...] = ()
    notes: list[str] = []
    if role.canonical == "items":
        _add_category(columns, TableContext(table, find_references(table, tables)), table, None)
    if role.canonical == "users":
        taken = {name for column in columns.values() for name in column.sources}
        attributes = find_attributes(table, taken)
    if role.canonical == "contacts":
        notes += _contact_notes(columns)
    if role.canonical == "media":
        columns["kind"] = ColumnProposal(value=_media_kind(role), confidence="likely", reasons=("by the files' names",))
    return TableProposal(role.canonical, table, columns, attributes, notes=tuple(notes))


def _contact_notes(columns: Mapping[str, ColumnProposal]) -> list[str]:
    notes = []
    if "treated" not in columns:
        notes.append("if everyone listed was sent the campaign, add  treated: {value: true}")
    if "channel" not in columns:
        notes.append("the channel is unknown; add it, like  channel: {value: mail}")
    if "sent_at" not in columns:
        notes.append("the time of sending is unknown (if another table has it, join the two into a view)")
    return notes


def _add_category(
    columns: dict[str, ColumnProposal], context: TableContext, table: ProfiledTable, item: str | None
) -> None:
    taken = {name for column in columns.values() for name in column.sources}
    path = find_category(context, taken, item)
    if path.columns:
        columns["category"] = ColumnProposal(path.columns, confidence=path.confidence, reasons=path.reasons)
        if "description" not in columns:
            finest = path.columns[-1]
            reasons = ("nothing describes an item; this is the narrowest group",)
            columns["description"] = ColumnProposal((finest,), confidence="guess", reasons=reasons)


def _propose_items(lines: Role, context: TableContext) -> TableProposal | None:
    """Propose items read from the lines of sales, where these describe them; None otherwise."""
    match = lines.matches.get("item_id")
    if match is None:
        return None
    item, table = match.source, lines.table
    taken = {other.source for other in lines.matches.values()}
    columns = {"item_id": ColumnProposal((item,), confidence=match.confidence, reasons=("as in line_items",))}
    for name, other_match in match_columns("items", context, leave_out=taken).items():
        if name in ("description", "brand", "image") and table.dependency(item, other_match.source) > 0.6:
            columns[name] = _column(other_match, table)
    if "description" not in columns and (text := find_description(table, item, taken)):
        reasons = ("a text that depends on the item",)
        columns["description"] = ColumnProposal((text,), confidence="guess", reasons=reasons)
    _add_category(columns, context, table, item)
    if "description" not in columns and table.column(item).kind == "text" and table.column(item).words > 1.3:
        reasons = ("the item's own name",)
        columns["description"] = ColumnProposal((item,), confidence=match.confidence, reasons=reasons)
    if len(columns) == 1:
        return None
    return TableProposal("items", table, columns, distinct=True)


def _propose_users(lines: Role, proposed: Mapping[str, TableProposal]) -> TableProposal | None:
    """Propose shoppers read from the lines of sales, where these hold attributes of shoppers; None otherwise."""
    match = lines.matches.get("user_id")
    if match is None:
        return None
    taken = {name for table in proposed.values() for name in table.used}
    attributes = find_attributes(lines.table, taken, match.source)
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


_SALES_COLUMNS = ("bill_id", "user_id", "item_id", "ts", "quantity", "unit_price", "amount")
_NEEDED = {
    "an item": ("item_id",),
    "a price or amount": ("unit_price", "amount"),
    "a time, bill or shopper": ("ts", "bill_id", "user_id"),
}


def _explain_missing_sales(tables: Sequence[ProfiledTable], beside: Mapping[str, Role]) -> str:
    """Return why no table can hold a retailer's sales, in one line."""
    most, nearest = 0, ""
    for table in tables:
        matches = match_columns("line_items", TableContext(table, find_references(table, tables)))
        present = [name for name in _SALES_COLUMNS if name in matches]
        if len(present) > most:
            columns_text = ", ".join(f"{matches[name].source} -> {name}" for name in present)
            lacking = " and ".join(what for what, names in _NEEDED.items() if not set(names) & set(present))
            nearest = f"; {table.name} comes nearest ({columns_text})" + (f" but lacks {lacking}" if lacking else "")
            most = len(present)
    others = ", ".join(f"{name} ({role.table.name})" for name, role in beside.items())
    other = f"; apart from sales, this was found: {others}" if others else ""
    return f"no table here holds sales, with a row for each item sold{nearest}{other}"
