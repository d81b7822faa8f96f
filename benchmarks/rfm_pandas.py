"""The same RFM features in pandas, as a good data scientist writes them: whole columns, ids as numbers, no apply."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rfm_sql import AS_OF, WINDOWS

if TYPE_CHECKING:
    import pandas as pd

DAY = 86_400_000_000
BILLS = ["user_id", "ts", "amount", "line_item_count", "store_id", "channel", "is_return"]
LINES = ["user_id", "item_id", "ts", "amount", "discount", "is_return"]


def rfm(folder: Path) -> pd.DataFrame:
    """One row a shopper, with the columns of the SQL."""
    import pandas as pd

    visits = _before(pd.read_parquet(folder / "bills", columns=BILLS))
    visits = visits[(visits.amount > 0) & ~visits.is_return]
    visits = visits.assign(day=visits.ts.astype("int64") // DAY, cents=_cents(visits.amount))
    visits["user_id"], users = pd.factorize(visits.user_id)
    found = _visits(visits)
    lines = _before(pd.read_parquet(folder / "lines", columns=LINES))
    lines["user_id"] = users.get_indexer(lines.user_id)
    found = found.join(_goods(lines[lines.user_id >= 0]))
    return _named(found, users)


def _before(table: pd.DataFrame) -> pd.DataFrame:
    return table[(table.ts < AS_OF) & table.user_id.notna()]


def _cents(amount: pd.Series) -> pd.Series:
    return (amount * 100).round().astype("int64")


def _visits(visits: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    online = visits.channel.str.lower().isin(["online", "web", "app"])
    found = (
        visits.assign(online=online)
        .groupby("user_id")
        .agg(
            first=("day", "min"),
            last=("day", "max"),
            bills=("day", "size"),
            cents=("cents", "sum"),
            n=("line_item_count", "sum"),
            with_n=("line_item_count", "count"),
            online=("online", "sum"),
            known=("channel", "count"),
        )
    )
    found["days"] = _distinct(visits, "day")
    found["stores"] = _distinct(visits, "store_id")
    for days in WINDOWS:
        recent = visits[visits.ts >= AS_OF - pd.Timedelta(days=days)].groupby("user_id").cents
        found[f"f{days}"] = recent.size().reindex(found.index, fill_value=0)
        found[f"s{days}"] = recent.sum().reindex(found.index, fill_value=0)
    return found


def _goods(lines: pd.DataFrame) -> pd.DataFrame:
    lines = lines.assign(c=_cents(lines.amount), s=_cents(lines.discount))
    sold, returned = lines[~lines.is_return], lines[lines.is_return]
    found = sold.groupby("user_id").agg(bought=("c", "sum"), saved=("s", "sum"))
    found["items"] = _distinct(sold, "item_id")
    found["back"] = returned.c.abs().groupby(returned.user_id).sum().reindex(found.index, fill_value=0)
    return found


def _distinct(table: pd.DataFrame, column: str) -> pd.Series:
    return table[["user_id", column]].dropna().drop_duplicates().groupby("user_id").size()


def _fifths(values: pd.Series) -> pd.Series:
    counts = values.value_counts().sort_index()
    return values.map((counts.cumsum() - counts) * 5 // counts.sum() + 1)


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    return part / whole.where(whole > 0)


def _named(t: pd.DataFrame, users: Any) -> pd.DataFrame:
    import pandas as pd

    today = (AS_OF - pd.Timestamp(0)).days
    columns = {
        "user_id": users[t.index],
        "recency_days": today - t["last"],
        "tenure_days": today - t["first"],
        "frequency_bills": t.bills,
        "days_active": t.days,
        "spend": t.cents / 100,
        "spend_per_visit": t.cents / (t.bills * 100),
        "items_per_visit": _share(t.n, t.with_n),
        "distinct_items": t["items"],
        "distinct_stores": t.stores,
        "return_share": _share(t.back, t.bought),
        "discount_share": _share(t.saved, t.bought + t.saved),
        "online_share": _share(t.online, t.known),
        "visits_trend_ratio_90d": _share(t.f90, t.f180 - t.f90),
        "spend_trend_ratio_90d": _share(t.s90, t.s180 - t.s90),
        "recency_score": _fifths(t["last"]),
        "frequency_score": _fifths(t.bills),
        "monetary_score": _fifths(t.cents),
    }
    columns |= {f"frequency_bills_{days}d": t[f"f{days}"] for days in WINDOWS}
    columns |= {f"spend_{days}d": t[f"s{days}"] / 100 for days in WINDOWS}
    return pd.DataFrame(columns)
