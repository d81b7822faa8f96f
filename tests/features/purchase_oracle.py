"""Baskets, prices, places, campaigns and pairs once more, in DuckDB's own SQL with its statistics functions."""

from __future__ import annotations

BOUGHT_SQL = """
    select *, ts::date as day from line_items
    where ts < {T} and user_id is not null and quantity > 0 and not coalesce(is_return, false)
"""

BASKET_SQL = f"""
with bought as ({BOUGHT_SQL}),
baskets as (
    select user_id, bill_id, count(*) as lines, sum(quantity) as pieces, sum(amount) as amount,
        count(distinct item_id) as items
    from bought group by all),
head as (
    select user_id, count(*) as baskets, avg(lines) as lines_per_basket, max(lines) as largest_basket_lines,
        avg(pieces) as quantity_per_basket, max(pieces) as largest_basket_quantity,
        avg(amount) as amount_per_basket, max(amount) as largest_basket_amount,
        avg((items = 1)::int) as single_item_basket_share
    from baskets group by user_id),
turns as (
    select user_id, row_number() over (partition by user_id, item_id order by bill_id) as turn
    from (select distinct user_id, bill_id, item_id from bought)),
again as (select user_id, avg((turn > 1)::int) as repurchase_share from turns group by user_id),
news as (
    select user_id, avg(coalesce(fresh, 1)) as new_item_share_90d
    from (select distinct user_id, item_id from bought where ts >= {{T}} - interval 90 day)
    left join (select distinct user_id, item_id, 0 as fresh from bought where ts < {{T}} - interval 90 day)
        using (user_id, item_id)
    group by user_id),
placed as (
    select user_id, trim(category) as category, trim(split_part(category, '>', 1)) as department, trim(brand) as brand
    from bought join items using (item_id)),
mix as (
    select user_id, count(distinct department) as distinct_departments, count(distinct category) as distinct_categories,
        entropy(department) as department_entropy,
        max(same) / count(*) as top_department_share
    from (select *, count(*) over (partition by user_id, department) as same from placed where department <> '')
    group by user_id),
brands as (
    select user_id, count(*) as distinct_brands, sum(power(part, 2)) as brand_concentration
    from (select user_id, brand, count(*) / sum(count(*)) over (partition by user_id) as part
        from placed where brand <> '' group by user_id, brand)
    group by user_id)
select head.*, case when baskets > 1 then repurchase_share end as repurchase_share, new_item_share_90d,
    mix.* exclude (user_id), brands.* exclude (user_id)
from head left join again using (user_id) left join news using (user_id)
    left join mix using (user_id) left join brands using (user_id)
"""

PRICE_SQL = """
with sold as (
    select *, round(round(amount * 100) * 100 / quantity) as paid, coalesce(discount > 0, false) as cut
    from line_items
    where ts < {T} and quantity > 0 and not coalesce(is_return, false) and amount > 0),
listed as (
    select item_id, quantile_disc(paid, 0.5) as usual, min(paid) as lowest, max(paid) as highest, any_value(category)
        as category
    from sold left join items using (item_id) group by item_id),
tiers as (
    select one.item_id, 1 + 5 * count(*) filter (other.usual < one.usual) // count(*) as tier
    from listed one join listed other on trim(one.category) = trim(other.category)
    group by one.item_id having count(*) >= 5),
lines as (
    select *, round(usual * quantity / 100) as usually, highest > 1.01 * lowest as moved
    from sold join listed using (item_id) left join tiers using (item_id) where user_id is not null),
head as (
    select user_id,
        sum(round(amount * 100)) / sum(usually) as price_level,
        median(round(paid * 10000 / usual)) / 10000 as median_price_level,
        sum(round(amount * 100)) filter ({recent}) / sum(usually) filter ({recent}) as recent,
        sum(round(amount * 100)) filter ({prior}) / sum(usually) filter ({prior}) as prior,
        avg(case when discount is not null then cut::int end) as discounted_share,
        sum(discount) filter (cut) / sum(amount + discount) filter (cut) as discount_depth,
        avg((paid <= lowest * 1.01)::int) filter (moved) as lowest_price_share,
        avg((not cut and paid >= usual * 0.99)::int) as full_price_share,
        avg(tier) as price_tier
    from lines group by user_id)
select * exclude (recent, prior), recent / prior as price_level_trend_90d from head
"""

PLACE_SQL = """
with visits as ({visits}),
told as (
    select *, case lower(channel) when 'online' then 'web' when 'web' then 'web' when 'app' then 'app'
        when 'store' then 'store' when 'phone' then 'phone' else 'other' end as kind
    from visits where channel is not null),
channels as (
    select user_id, avg((kind = 'web')::int) as web_share, avg((kind = 'app')::int) as app_share,
        avg((kind = 'store')::int) as store_share, avg((kind = 'phone')::int) as phone_share,
        avg((kind = 'other')::int) as other_channel_share,
        coalesce(sum(amount) filter (kind in ('web', 'app')), 0) / sum(amount) as online_spend_share,
        count(distinct channel) as distinct_channels,
        max(same) / count(*) as main_channel_share
    from (select *, count(*) over (partition by user_id, channel) as same from told) group by user_id),
stores as (
    select user_id, count(distinct store_id) as stores_ever,
        count(distinct store_id) filter (ts >= {T} - interval 90 day) as stores_90d,
        max(same) / count(*) as home_store_share
    from (select *, count(*) over (partition by user_id, store_id) as same from visits where store_id is not null)
    group by user_id),
channel_steps as (
    select user_id, here <> lag(here) over (partition by user_id order by ts) as moved
    from (select user_id, ts, any_value(channel) as here from visits where channel is not null
        group by user_id, ts having count(distinct channel) = 1)),
store_steps as (
    select user_id, here <> lag(here) over (partition by user_id order by ts) as moved
    from (select user_id, ts, any_value(store_id) as here from visits where store_id is not null
        group by user_id, ts having count(distinct store_id) = 1))
select * from (select distinct user_id from visits)
    left join channels using (user_id) left join stores using (user_id)
    left join (select user_id, avg(moved::int) as channel_change_share from channel_steps group by 1) using (user_id)
    left join (select user_id, avg(moved::int) as store_change_share from store_steps group by 1) using (user_id)
"""

WAYS = {"email": ("email",), "text": ("sms",), "push": ("push",), "post": ("letter",), "phone": ("none",)}
CAMPAIGNS_SQL = """
with chosen as (
    select *, coalesce(treated, true) as sent,
        case when responded_at < {T} and coalesce(treated, true) then responded_at end as answer
    from contacts where sent_at < {T}),
everyone as (select count(answer) / nullif(count(*), 0) as rate from chosen where sent)
select user_id, count(*) filter (sent) as contacts,
    count(*) filter (sent and sent_at >= {T} - interval 30 day) as contacts_30d,
    count(*) filter (sent and sent_at >= {T} - interval 90 day) as contacts_90d,
    count(*) filter (sent and sent_at >= {T} - interval 365 day) as contacts_365d,
    count(answer) as responses,
    count(*) filter (answer >= {T} - interval 30 day) as responses_30d,
    count(*) filter (answer >= {T} - interval 90 day) as responses_90d,
    count(*) filter (answer >= {T} - interval 365 day) as responses_365d,
    (count(answer) + 10 * any_value(rate)) / (count(*) filter (sent) + 10) as response_rate,
    date_diff('day', max(sent_at::date) filter (sent), {T}::date) as days_since_contact,
    date_diff('day', max(answer::date), {T}::date) as days_since_response,
    avg(date_diff('day', sent_at::date, answer::date)) as days_to_respond,
    avg((not sent)::int) as held_back_share,
    count(distinct offer) filter (sent) as offers_seen,
    {ways}
from chosen, everyone group by user_id
""".replace(
    "{ways}",
    ",\n".join(
        f"count(*) filter (sent and lower(channel) = '{words[0]}') as {way}_contacts, "
        f"avg((answer is not null)::int) filter (sent and lower(channel) = '{words[0]}') as {way}_response_rate"
        for way, words in WAYS.items()
    ),
)

USER_ITEM_SQL = f"""
with days as (
    select user_id, item_id, day, sum(quantity) as quantity, sum(amount) as amount,
        date_diff('day', day, {{T}}::date) as age,
        date_diff('day', lag(day) over (partition by user_id, item_id order by day), day) as gap
    from ({BOUGHT_SQL}) where ts >= {{T}} - interval 365 day group by user_id, item_id, day)
select user_id, item_id, count(*) as times_bought, sum(quantity) as quantity, sum(amount) as amount,
    min(age) as last_bought_days, sum(pow(0.5, age / 30)) as weighted_times_30d,
    sum(exp(-age * ln(2) / 180)) as weighted_times_180d, avg(gap) as repurchase_gap_days,
    min(age) / avg(gap) as due_ratio
from days group by user_id, item_id
"""

ITEM_PAIRS_SQL = """
with wares as (
    select distinct bill_id, item_id from line_items
    where ts < {T} and ts >= {T} - interval 365 day and quantity > 0 and not coalesce(is_return, false)),
kept as (select *, count(*) over (partition by item_id) as n
    from (select *, count(*) over (partition by bill_id) as size from wares) where size <= 100),
bills as (select count(distinct bill_id) as bills from kept)
select one.item_id, other.item_id as other_item_id, count(*) as bills_together,
    count(*) / any_value(bills) as support, count(*) / any_value(one.n) as confidence,
    count(*) * any_value(bills) / (any_value(one.n)::double * any_value(other.n)) as lift,
    count(*) / sqrt(any_value(one.n)::double * any_value(other.n)) * count(*) / (count(*) + 10) as similarity
from kept one join kept other on one.bill_id = other.bill_id and one.item_id <> other.item_id, bills
group by one.item_id, other.item_id having count(*) >= 2
"""

PURCHASE_SQL = {
    "basket": BASKET_SQL,
    "price": PRICE_SQL,
    "place": PLACE_SQL,
    "campaigns": CAMPAIGNS_SQL,
    "user_item": USER_ITEM_SQL,
    "item_pairs": ITEM_PAIRS_SQL,
}
