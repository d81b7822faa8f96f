"""The same features once more, written independently in DuckDB's own SQL with its calendar and statistics functions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from tests.features.feature_world import BILLS_SQL
from tests.features.purchase_oracle import PURCHASE_SQL
from tests.features.recursive_oracle import RECURSIVE_SQL

CUT_SQL = BILLS_SQL.replace("from line_items", "from line_items where ts < {T}")
VISITS_SQL = f"""
    select *, ts::date as day from ({CUT_SQL})
    where user_id is not null and not is_return and amount >= 0
"""

RFM_SQL = """
with visits as ({visits}),
lines as (select *, coalesce(is_return, false) as returned from line_items where ts < {T}),
head as (
    select user_id,
        date_diff('day', max(day), {T}::date) as recency_days,
        date_diff('day', min(day), {T}::date) as tenure_days,
        count(*) as frequency_bills,
        {windows},
        count(distinct day) as days_active,
        sum(amount) as spend,
        sum(amount) / count(*) as spend_per_visit,
        avg(line_item_count) as items_per_visit,
        nullif(count(distinct store_id), 0) as distinct_stores,
        avg(case when channel is null then null when lower(channel) in ('online', 'web') then 1 else 0 end)
            as online_share,
        count(*) filter ({recent}) / nullif(count(*) filter ({prior}), 0) as visits_trend_ratio_90d,
        sum(amount) filter ({recent}) as recent, sum(amount) filter ({prior}) as prior
    from visits group by user_id),
tail as (
    select user_id, count(distinct case when not returned then item_id end) as distinct_items,
        coalesce(sum(abs(amount)) filter (returned), 0) as back, sum(amount) filter (not returned) as bought,
        sum(discount) filter (not returned) as saved,
        sum(quantity * unit_price) filter (not returned and discount is not null) as list
    from lines where user_id is not null group by user_id)
select head.* exclude (recent, prior),
    case when prior > 0 then coalesce(recent, 0) / prior end as spend_trend_ratio_90d,
    distinct_items,
    case when bought > 0 then back / bought end as return_share,
    case when list > 0 then saved / list end as discount_share
from head left join tail using (user_id)
"""

RHYTHM_SQL = """
with visits as ({visits}),
days as (select distinct user_id, day from visits),
gaps as (
    select user_id, day, date_diff('day', lag(day) over (partition by user_id order by day), day) as gap from days),
weekdays as (select user_id, isodow(day) as weekday, count(*) as n from days group by all),
stats as (
    select user_id, avg(gap) as mean_gap_days, median(gap) as median_gap_days, stddev_samp(gap) as std_gap_days,
        arg_max(gap, day) as last_gap_days, date_diff('day', max(day), {T}::date) / avg(gap) as gap_ratio,
        7 * (count(*) - 1) / nullif(date_diff('day', min(day), {T}::date), 0) as visits_per_week,
        avg((isodow(day) >= 6)::int) as weekend_share, count(*) as n
    from gaps group by user_id),
hours as (
    select user_id, avg((hour(ts) between 6 and 11)::int) as morning_share, avg((hour(ts) >= 18)::int) as evening_share
    from visits where date_trunc('second', ts) <> day::timestamp group by user_id)
select stats.* exclude (n), 1 / (1 + std_gap_days / mean_gap_days) as regularity, morning_share, evening_share,
    case when n > 1 then (select max(w.n) from weekdays w where w.user_id = stats.user_id) / n end
        as busiest_weekday_share
from stats left join hours using (user_id)
"""


def oracle(tables: dict[str, Any], name: str, as_of: datetime) -> pd.DataFrame:
    """The features of set `name`, by its key; the rfm scores by comparing every shopper with every other."""
    at = f"timestamp '{as_of}'"
    windows = ",\n".join(
        f"count(*) filter (ts >= {at} - interval {d} day) as frequency_bills_{d}d,"
        f"coalesce(sum(amount) filter (ts >= {at} - interval {d} day), 0) as spend_{d}d"
        for d in (30, 90, 180, 365)
    )
    recent = f"ts >= {at} - interval 90 day"
    prior = f"ts >= {at} - interval 180 day and ts < {at} - interval 90 day"
    sql = ({"rfm": RFM_SQL, "rhythm": RHYTHM_SQL} | PURCHASE_SQL | RECURSIVE_SQL)[name].format(
        visits=VISITS_SQL.format(T=at), T=at, windows=windows, recent=recent, prior=prior
    )
    result = tables["bills"].get_backend().raw_sql(sql).df()
    keys = [key for key in ("user_id", "item_id", "other_item_id") if key in result.columns]
    result = result.sort_values(keys).reset_index(drop=True)
    return result.assign(**_scores(result)) if name == "rfm" else result


def _scores(rfm: pd.DataFrame) -> dict[str, list[int]]:
    def fifths(goodness: pd.Series) -> list[int]:
        values = goodness.round(2)
        return [1 + 5 * int((values < value).sum()) // len(values) for value in values]

    return {
        "recency_score": fifths(-rfm.recency_days),
        "frequency_score": fifths(rfm.frequency_bills),
        "monetary_score": fifths(rfm.spend),
    }
