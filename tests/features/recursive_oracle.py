"""The recursive features that every customer has, once more in DuckDB's own SQL."""

from __future__ import annotations

from tests.features.feature_world import BILLS_SQL

RECURSIVE_SQL = {
    "recursive": f"""
with lines as (select * from line_items where ts < {{T}}),
per_bill as (
    select bill_id, round(sum(amount), 2) as total, count(distinct item_id) as items, count(*) as n,
        round(sum(cast(round(unit_price * 10000) as bigint)) / (count(*) * 10000) * 1000000) / 1000000 as price
    from lines group by bill_id),
own as (
    select *, ts = min(ts) over (partition by user_id) as is_first, ts = max(ts) over (partition by user_id) as is_last
    from ({BILLS_SQL.replace("from line_items", "from line_items where ts < {T}")}) join per_bill using (bill_id)
    where user_id is not null),
head as (
    select user_id, stddev_samp(amount) as std_of_amount_of_bills,
        case when count(distinct ts::date) > 1 then regr_slope(amount, date_diff('day', {{T}}::date, ts::date)) end
            as trend_of_amount_of_bills,
        max(amount) filter (is_first) as first_of_amount_of_bills,
        avg(hour(ts)) as mean_of_hour_of_ts_of_bills,
        min(date_diff('day', ts::date, {{T}}::date)) as min_of_days_since_ts_of_bills,
        count(distinct isodow(ts)) as distinct_count_of_weekday_of_ts_of_bills,
        avg((isodow(ts) >= 6)::int) as share_of_weekend_of_ts_of_bills,
        round(sum(total), 2) / count(*) as mean_of_sum_of_amount_of_line_items_per_bill,
        stddev_samp(price) as std_of_mean_of_unit_price_of_line_items_per_bill,
        max(items) as max_of_distinct_count_of_item_id_of_line_items_per_bill,
        max(n) filter (is_last) as last_of_count_of_line_items_per_bill,
        max(amount) filter (is_last) * count(*) / nullif(round(sum(amount), 2), 0)
            as ratio_of_last_of_amount_of_bills_to_mean_of_amount_of_bills
    from own group by user_id),
tail as (
    select user_id, count(*) as count_of_line_items, sum(quantity) as sum_of_quantity_of_line_items,
        avg(unit_price) as mean_of_unit_price_of_line_items, median(amount) as median_of_amount_of_line_items,
        count(distinct item_id) as distinct_count_of_item_id_of_line_items,
        avg(is_return::int) as share_of_is_return_of_line_items,
        case when round(sum(amount), 2) >= 0 then ln(1 + round(sum(amount), 2)) end
            as log1p_of_sum_of_amount_of_line_items,
        coalesce(sum(discount), 0) / nullif(round(sum(amount), 2), 0)
            as ratio_of_sum_of_discount_of_line_items_to_sum_of_amount_of_line_items
    from lines where user_id is not null group by user_id)
select * from head join tail using (user_id)
"""
}
