"""Find the rules of a retailer's sales in the data: returns, items that are not goods, and the time zone."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_assets.onboarding.matching.table_roles import Role
from capflow_assets.onboarding.profiling.table_profile import sql_number, sql_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# What is charged or booked on a bill without being goods.
NON_GOODS = re.compile(
    r"\b(postage|carriage|shipping|freight|delivery|fees?|bank charges?|discount|manual|adjust(ment)?s?|samples?"
    r"|bad debt|test|commission|surcharge|rounding|deposit|porto|versand(kosten)?|rabatt|frais|livraison|envio|gastos"
    r"|spedizione|verzendkosten|pfand)\b",
    re.I,
)
_RETURN_PREFIXES = {"C", "R", "RE", "RET", "REF", "RMA", "CN", "CR", "CM", "S", "ST", "STORNO", "G", "GS", "CANCEL"}
_USUAL_SHARE = 0.95  # of item codes that look alike: the others are odd
_CLEAR_HOURS = 0.25
_QUIET = (-2.0, 7.0)  # hours around midnight in which the middle of a shop's night may lie


@dataclass(frozen=True)
class SaleRules:
    """Rules of the sales table. `returns` is written as in a customer file; `drop_items` are surely not goods.

    `doubtful_items` are possibly not goods; `timezone` is that of the times, None for the retailer's own.
    """

    returns: str = ""
    why_returns: str = ""
    drop_items: tuple[str, ...] = ()
    doubtful_items: tuple[str, ...] = ()
    timezone: str | None = None
    notes: tuple[str, ...] = ()


NO_RULES = SaleRules()


def find_sale_rules(lines: Role, con: DuckDBPyConnection, timezone: str | None = None) -> SaleRules:
    """Find the rules in the sample of a table of sales. `timezone` is the retailer's, where it is known."""
    reader = _SalesSample(lines, con)
    returns, why = _find_returns(reader)
    drop, doubtful_items = _find_non_goods(reader)
    zone, note = _find_timezone(reader, timezone)
    return SaleRules(returns, why, drop, doubtful_items, zone, (note,) if note else ())


class _SalesSample:
    """The sample of the sales table, with SQL for its columns by canonical name."""

    def __init__(self, role: Role, con: DuckDBPyConnection) -> None:
        self.role, self.con, self.sample = role, con, role.table.sample
        self.types = {c.name: c.dtype for c in role.table.columns}

    def has(self, *columns: str) -> bool:
        return all(column in self.role.matches for column in columns)

    def text(self, column: str) -> str:
        name = self.role.matches[column].source
        return sql_text(name, self.types[name])

    def number(self, column: str) -> str:
        name = self.role.matches[column].source
        return sql_number(name, self.types[name])

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()


def _find_returns(lines: _SalesSample) -> tuple[str, str]:
    """Return a bill prefix that marks returns, and why: negative amounts, or items that the shopper bought before."""
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
        written = _original_case(
            lines, _shortest_prefix(prefix, [row[0] for row in prefixes if row[0] and row[0] != prefix])
        )
        if below_share > 0.9 and others < 0.2:
            return f"starts with {written} in bill_id", f"{below_share:.0%} of these rows are below 0"
        if written.upper() in _RETURN_PREFIXES and below_share < 0.5 and _have_prior_purchases(lines, written):
            return f"starts with {written} in bill_id", "these rows hold items that the same shopper bought before"
    return "", ""


def _shortest_prefix(prefix: str, others: list[str]) -> str:
    """Return as much of the prefix as tells it apart from the others: R of RB, beside B."""
    ends = (end for end in range(1, len(prefix)) if not any(other.startswith(prefix[:end]) for other in others))
    return prefix[: next(ends, len(prefix))]


def _original_case(lines: _SalesSample, prefix: str) -> str:
    """Return the prefix in upper or lower case as the data has it."""
    bill = lines.text("bill_id")
    counted = lines.rows(
        f"SELECT left({bill}, {len(prefix)}) AS p, count(*) AS n FROM {lines.sample}"
        f" WHERE upper({bill}) LIKE '{prefix}%' GROUP BY p ORDER BY n DESC LIMIT 1"
    )
    return str(counted[0][0])


def _have_prior_purchases(lines: _SalesSample, prefix: str) -> bool:
    if not lines.has("user_id", "item_id"):
        return False
    user, item, bill = lines.text("user_id"), lines.text("item_id"), lines.text("bill_id")
    ((back, rows),) = lines.rows(
        f"WITH l AS (SELECT {user} AS u, {item} AS i, starts_with({bill}, '{prefix}') AS r FROM {lines.sample})"
        " SELECT count(*) FILTER (EXISTS (SELECT 1 FROM l b WHERE NOT b.r AND b.u = l.u AND b.i = l.i)), count(*)"
        " FROM l WHERE l.r AND l.u IS NOT NULL"
    )
    return rows >= 5 and back > 0.7 * rows


def _find_non_goods(lines: _SalesSample) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return items that are surely and possibly not goods: odd codes with words like postage, or prices below 0."""
    if not lines.has("item_id"):
        return (), ()
    described = _description(lines)
    money = next((name for name in ("unit_price", "amount") if lines.has(name)), None)
    price = lines.number(money) if money == "unit_price" else "NULL"
    codes = lines.rows(
        f"SELECT i, mode(d), avg(CAST(p < 0 AS INT)), count(*) FROM (SELECT {lines.text('item_id')} AS i,"
        f" {described} AS d, {price} AS p FROM {lines.sample}) WHERE i IS NOT NULL GROUP BY i"
    )
    usual = sum(code[:1].isdigit() for code, *_ in codes) > _USUAL_SHARE * len(codes)
    if not usual or len(codes) < 50:
        negative = sorted(code for code, _, below, _ in codes if (below or 0) > 0.5)
        return (), tuple(negative)[:20]
    drop, doubtful_items = [], []
    for code, text, below, _ in sorted(codes, key=lambda row: -row[3]):
        if code[:1].isdigit():
            continue
        if (below or 0) > 0.3 or NON_GOODS.search(f"{text or ''} {code}"):
            drop.append(code.upper())
        elif not re.search(r"\d", code) or len(code) <= 3:
            doubtful_items.append(code)
    return tuple(dict.fromkeys(drop))[:40], tuple(dict.fromkeys(doubtful_items))[:20]


def _description(lines: _SalesSample) -> str:
    """Return SQL for the column that describes an item best, or NULL."""
    table, item = lines.role.table, lines.role.matches["item_id"].source
    texts = [
        (table.dependency(item, c.name), c.words, c.name)
        for c in table.columns
        if c.kind == "text" and c.words > 1.4 and table.dependency(item, c.name) > 0.6
    ]
    if not texts:
        return "NULL"
    name = max(texts)[2]
    return sql_text(name, lines.types[name])


def _find_timezone(lines: _SalesSample, timezone: str | None) -> tuple[str | None, str]:
    """Return UTC if the times are in UTC rather than local, and a note: few people shop at night.

    With the retailer's zone, UTC is returned only if it moves the quiet hours to the night; without it, only a note.
    """
    if not lines.has("ts"):
        return None, ""
    facts = lines.role.table.column(lines.role.matches["ts"].source)
    if not facts.dates or not facts.dates.has_clock or facts.dates.pattern in ("epoch_seconds", "epoch_milliseconds"):
        return None, ""
    value = lines.text("ts")
    moment = f"TRY_CAST({value} AS TIMESTAMP)"
    if facts.dates.pattern:
        moment = f"coalesce(try_strptime({value}, '{facts.dates.pattern}'), {moment})"
    quiet = _quiet_hour(lines.rows(f"SELECT hour({moment}) AS h, count(*) FROM {lines.sample} GROUP BY h"))
    if quiet is None or _is_at_night(quiet):
        return None, ""
    quietest = f"the quietest time of day is about {quiet % 24:.0f}:00"
    if timezone and timezone != "UTC" and _is_at_night(quiet + _utc_offset(timezone)):
        return "UTC", f"{quietest}: these times seem to be UTC, not {timezone}"
    return None, f"{quietest}: these times may be in another time zone than the shop's; add timezone: to ts"


def _quiet_hour(hours: list[tuple[Any, ...]]) -> float | None:
    """Return the hour opposite the circular mean of the sales; None when sales are spread evenly over the day."""
    hour_counts = [(hour, count) for hour, count in hours if hour is not None]
    total = sum(count for _, count in hour_counts)
    if total < 500:
        return None
    x = sum(count * math.cos(2 * math.pi * hour / 24) for hour, count in hour_counts) / total
    y = sum(count * math.sin(2 * math.pi * hour / 24) for hour, count in hour_counts) / total
    if math.hypot(x, y) < _CLEAR_HOURS:
        return None
    return (math.atan2(y, x) * 24 / (2 * math.pi) + 12) % 24


def _is_at_night(hour: float) -> bool:
    low, high = _QUIET
    return low <= (hour + 12) % 24 - 12 <= high


def _utc_offset(timezone: str) -> float:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    offset = datetime(2024, 1, 15, tzinfo=ZoneInfo(timezone)).utcoffset()
    return offset.total_seconds() / 3600 if offset else 0.0
