"""The rules of a retailer's sales, found in the data: returns, what is no goods, and the zone of its times."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_assets.onboarding.profile import number_of, text_of
from capflow_assets.onboarding.roles import Role

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What is charged or booked on a bill and is no goods.
NO_GOODS = re.compile(
    r"\b(postage|carriage|shipping|freight|delivery|fees?|bank charges?|discount|manual|adjust(ment)?s?|samples?"
    r"|bad debt|test|commission|surcharge|rounding|deposit|porto|versand(kosten)?|rabatt|frais|livraison|envio|gastos"
    r"|spedizione|verzendkosten|pfand)\b",
    re.I,
)
_RETURN_PREFIXES = {"C", "R", "RE", "RET", "REF", "RMA", "CN", "CR", "CM", "S", "ST", "STORNO", "G", "GS", "CANCEL"}
_OF_SOME_FORM = 0.95  # of item codes that look alike: the others are odd
_CLEAR_HOURS = 0.25
_QUIET = (-2.0, 7.0)  # hours around midnight in which the middle of a shop's night may lie


@dataclass(frozen=True)
class SaleRules:
    """`returns` as a customer file writes it; `drop_items` for sure, `perhaps` to be asked; `timezone` of the times."""

    returns: str = ""
    why_returns: str = ""
    drop_items: tuple[str, ...] = ()
    perhaps: tuple[str, ...] = ()
    timezone: str | None = None
    notes: tuple[str, ...] = ()


NO_RULES = SaleRules()


def sale_rules(lines: Role, con: DuckDBPyConnection, timezone: str | None = None) -> SaleRules:
    """The rules that the sample of a table of sales shows. `timezone` is the retailer's, where it is known."""
    reader = _Lines(lines, con)
    returns, why = _returns(reader)
    drop, perhaps = _no_goods(reader)
    zone, note = _zone(reader, timezone)
    return SaleRules(returns, why, drop, perhaps, zone, (note,) if note else ())


class _Lines:
    """The sample of the lines, by canonical names in SQL."""

    def __init__(self, role: Role, con: DuckDBPyConnection) -> None:
        self.role, self.con, self.sample = role, con, role.table.sample
        self.types = {c.name: c.dtype for c in role.table.columns}

    def has(self, *columns: str) -> bool:
        return all(column in self.role.matches for column in columns)

    def text(self, column: str) -> str:
        name = self.role.matches[column].source
        return text_of(name, self.types[name])

    def number(self, column: str) -> str:
        name = self.role.matches[column].source
        return number_of(name, self.types[name])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()


def _returns(lines: _Lines) -> tuple[str, str]:
    """A prefix that the numbers of returns have: their quantities are negative, or their goods were bought before."""
    if not lines.has("bill_id") or lines.has("is_return"):
        return "", ""
    money = next((name for name in ("quantity", "amount", "unit_price") if lines.has(name)), None)
    below = f"{lines.number(money)} < 0" if money else "false"
    prefixes = lines.rows(
        f"SELECT p, count(*), avg(CAST(coalesce(below, false) AS INT)), count(*) / sum(count(*)) OVER ()"
        f" FROM (SELECT upper(regexp_extract({lines.text('bill_id')}, '^[A-Za-z]+')) AS p, {below} AS below"
        f" FROM {lines.sample}) GROUP BY p"
    )
    if not 2 <= len(prefixes) <= 30:
        return "", ""
    for prefix, rows, below_share, share in sorted(prefixes, key=lambda row: -row[2]):
        if not prefix or share > 0.3 or rows < 5:
            continue
        others = max((row[2] for row in prefixes if row[0] != prefix and row[3] > 0.3), default=0.0)
        written = _as_written(lines, _shortest(prefix, [row[0] for row in prefixes if row[0] and row[0] != prefix]))
        if below_share > 0.9 and others < 0.2:
            return f"starts with {written} in bill_id", f"{below_share:.0%} of such rows are below 0"
        if written.upper() in _RETURN_PREFIXES and below_share < 0.5 and _bought_before(lines, written):
            return f"starts with {written} in bill_id", "such rows are of goods that the same shopper bought before"
    return "", ""


def _shortest(prefix: str, others: list[str]) -> str:
    """As much of the prefix as tells it from the others: R of RB, beside B."""
    ends = (end for end in range(1, len(prefix)) if not any(other.startswith(prefix[:end]) for other in others))
    return prefix[: next(ends, len(prefix))]


def _as_written(lines: _Lines, prefix: str) -> str:
    """The prefix with its own capitals."""
    bill = lines.text("bill_id")
    found = lines.rows(
        f"SELECT left({bill}, {len(prefix)}) AS p, count(*) AS n FROM {lines.sample}"
        f" WHERE upper({bill}) LIKE '{prefix}%' GROUP BY p ORDER BY n DESC LIMIT 1"
    )
    return str(found[0][0])


def _bought_before(lines: _Lines, prefix: str) -> bool:
    if not lines.has("user_id", "item_id"):
        return False
    user, item, bill = lines.text("user_id"), lines.text("item_id"), lines.text("bill_id")
    ((back, rows),) = lines.rows(
        f"WITH l AS (SELECT {user} AS u, {item} AS i, starts_with({bill}, '{prefix}') AS r FROM {lines.sample})"
        " SELECT count(*) FILTER (EXISTS (SELECT 1 FROM l b WHERE NOT b.r AND b.u = l.u AND b.i = l.i)), count(*)"
        " FROM l WHERE l.r AND l.u IS NOT NULL"
    )
    return rows >= 5 and back > 0.7 * rows


def _no_goods(lines: _Lines) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Items that are no goods, for sure and perhaps: odd codes, with words like postage, or prices below 0."""
    if not lines.has("item_id"):
        return (), ()
    described = _description(lines)
    money = next((name for name in ("unit_price", "amount") if lines.has(name)), None)
    price = lines.number(money) if money == "unit_price" else "NULL"
    codes = lines.rows(
        f"SELECT i, mode(d), avg(CAST(p < 0 AS INT)), count(*) FROM (SELECT {lines.text('item_id')} AS i,"
        f" {described} AS d, {price} AS p FROM {lines.sample}) WHERE i IS NOT NULL GROUP BY i"
    )
    usual = sum(code[:1].isdigit() for code, *_ in codes) > _OF_SOME_FORM * len(codes)
    if not usual or len(codes) < 50:
        negative = sorted(code for code, _, below, _ in codes if (below or 0) > 0.5)
        return (), tuple(negative)[:20]
    drop, perhaps = [], []
    for code, text, below, _ in sorted(codes, key=lambda row: -row[3]):
        if code[:1].isdigit():
            continue
        if (below or 0) > 0.3 or NO_GOODS.search(f"{text or ''} {code}"):
            drop.append(code.upper())
        elif not re.search(r"\d", code) or len(code) <= 3:
            perhaps.append(code)
    return tuple(dict.fromkeys(drop))[:40], tuple(dict.fromkeys(perhaps))[:20]


def _description(lines: _Lines) -> str:
    """SQL of the column that describes an item best, or NULL."""
    table, item = lines.role.table, lines.role.matches["item_id"].source
    texts = [
        (table.agrees(item, c.name), c.words, c.name)
        for c in table.columns
        if c.kind == "text" and c.words > 1.4 and table.agrees(item, c.name) > 0.6
    ]
    if not texts:
        return "NULL"
    name = max(texts)[2]
    return text_of(name, lines.types[name])


def _zone(lines: _Lines, timezone: str | None) -> tuple[str | None, str]:
    """Whether the times are UTC and not local: shops sleep at night.

    Given the retailer's zone, UTC is proposed when only so the quiet hours lie at night; without it, a note is made.
    """
    if not lines.has("ts"):
        return None, ""
    facts = lines.role.table.column(lines.role.matches["ts"].source)
    if not facts.dates or not facts.dates.clock or facts.dates.pattern in ("epoch_seconds", "epoch_milliseconds"):
        return None, ""
    value = lines.text("ts")
    moment = f"TRY_CAST({value} AS TIMESTAMP)"
    if facts.dates.pattern:
        moment = f"coalesce(try_strptime({value}, '{facts.dates.pattern}'), {moment})"
    quiet = _quiet_hour(lines.rows(f"SELECT hour({moment}) AS h, count(*) FROM {lines.sample} GROUP BY h"))
    if quiet is None or _at_night(quiet):
        return None, ""
    told = f"the quietest time of day is about {quiet % 24:.0f} o'clock"
    if timezone and timezone != "UTC" and _at_night(quiet + _offset(timezone)):
        return "UTC", f"{told}: these times seem to be UTC, not {timezone}"
    return None, f"{told}: these times may be of another zone than the shop's; add timezone: to ts"


def _quiet_hour(hours: list[tuple[Any, ...]]) -> float | None:
    """Half a day from the middle of the sales; None when they are spread evenly."""
    known = [(hour, count) for hour, count in hours if hour is not None]
    total = sum(count for _, count in known)
    if total < 500:
        return None
    x = sum(count * math.cos(2 * math.pi * hour / 24) for hour, count in known) / total
    y = sum(count * math.sin(2 * math.pi * hour / 24) for hour, count in known) / total
    if math.hypot(x, y) < _CLEAR_HOURS:
        return None
    return (math.atan2(y, x) * 24 / (2 * math.pi) + 12) % 24


def _at_night(hour: float) -> bool:
    low, high = _QUIET
    return low <= (hour + 12) % 24 - 12 <= high


def _offset(timezone: str) -> float:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    offset = datetime(2024, 1, 15, tzinfo=ZoneInfo(timezone)).utcoffset()
    return offset.total_seconds() / 3600 if offset else 0.0
