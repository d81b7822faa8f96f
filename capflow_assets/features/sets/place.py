"""Feature set "place": which channels and stores each shopper uses, and how faithful they are to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.features.columns import count, is_spelled_as, join_each, number, select_features, share
from capflow_assets.features.visits import visits

if TYPE_CHECKING:
    import ibis

RECENT_DAYS = 90
KINDS = {
    "web": ("web", "website", "online", "online shop", "webshop", "ecommerce", "e-commerce", "internet"),
    "app": ("app", "mobile", "mobile app"),
    "store": ("store", "shop", "in-store", "instore", "in store", "offline", "pos", "till", "retail", "branch"),
    "phone": ("phone", "telephone", "call centre", "call center", "catalogue", "catalog", "mail order"),
}


def place(tables: Mapping[str, ibis.Table], as_of: datetime) -> ibis.Table:
    """Compute the channels and stores of every shopper with at least one visit before `as_of`.

    One row per shopper; columns as in `PLACE.features`. Visits without a channel (or store) are left out of the
    features of channels (or stores). A change of store is between visits at different moments; a moment at which a
    shopper was in two stores at once is ignored.
    """
    seen = visits(tables["bills"])
    seen = seen.mutate(channel=seen.channel.strip().lower().nullif(""))
    parts = [
        _count_values(seen, "channel", as_of),
        _count_values(seen, "store_id", as_of),
        _count_changes(seen, "channel"),
        _count_changes(seen, "store_id"),
    ]
    return _select(join_each(_by_shopper(seen), parts))


def _by_shopper(seen: ibis.Table) -> ibis.Table:
    kinds = {kind: is_spelled_as(seen.channel, spellings) for kind, spellings in KINDS.items()}
    online = kinds["web"] | kinds["app"]
    return seen.group_by("user_id").aggregate(
        with_channel=seen.channel.count(),
        **{kind: seen.count(where=is_kind) for kind, is_kind in kinds.items()},
        online_cents=seen.cents.sum(where=online).fill_null(0),
        channel_cents=seen.cents.sum(where=seen.channel.notnull()),
    )


def _count_values(seen: ibis.Table, column: str, as_of: datetime) -> ibis.Table:
    """Count channels (or stores), those of the last 90 days, and the visits to the one visited most."""
    known = seen.filter(seen[column].notnull())
    each = known.group_by("user_id", column).aggregate(visits=known.count(), last_ts=known.ts.max())
    recent = each.last_ts >= as_of - timedelta(days=RECENT_DAYS)
    return each.group_by("user_id").aggregate(
        **{
            f"{column}_number": each.count(),
            f"{column}_recent": each.count(where=recent),
            f"{column}_most": each.visits.max(),
            f"{column}_visits": each.visits.sum(),
        }
    )


def _count_changes(seen: ibis.Table, column: str) -> ibis.Table:
    """Count how often a shopper's next visit with a known channel (or store) was through (or in) another one."""
    import ibis

    known = seen.filter(seen[column].notnull())
    moments = known.group_by("user_id", "ts").aggregate(here=known[column].min(), also=known[column].max())
    moments = moments.filter(moments.here == moments.also)
    before = moments.here.lag().over(ibis.window(group_by="user_id", order_by="ts"))
    steps = moments.mutate(before=before)
    return steps.group_by("user_id").aggregate(
        **{
            f"{column}_changes": steps.count(where=(steps.before != steps.here).fill_null(False)),
            f"{column}_steps": steps.before.count(),
        }
    )


def _select(t: ibis.Table) -> ibis.Table:
    of_a_kind = t.web + t.app + t.store + t.phone
    computed = {
        **{f"{kind}_share": share(t[kind], t.with_channel) for kind in KINDS},
        "other_channel_share": share(t.with_channel - of_a_kind, t.with_channel),
        "online_spend_share": share(t.online_cents, t.channel_cents),
        "distinct_channels": t.channel_number,
        "main_channel_share": share(t.channel_most, t.channel_visits),
        "channel_change_share": share(t.channel_changes, t.channel_steps),
        "stores_ever": t.store_id_number,
        "stores_90d": t.store_id_recent,
        "home_store_share": share(t.store_id_most, t.store_id_visits),
        "store_change_share": share(t.store_id_changes, t.store_id_steps),
    }
    return select_features(t, ("user_id",), FEATURES, computed)


FEATURES = (
    number(
        "web_share", "Share of visits on the web, of visits with a known channel.", "{value:.0%} of visits on the web"
    ),
    number("app_share", "Share of visits in the app.", "{value:.0%} of visits in the app"),
    number("store_share", "Share of visits in a store.", "{value:.0%} of visits in a store"),
    number("phone_share", "Share of visits by phone or catalogue.", "{value:.0%} of visits by phone or catalogue"),
    number("other_channel_share", "Share of visits through any other channel.", "{value:.0%} of visits elsewhere"),
    number(
        "online_spend_share",
        "Spend on the web and in the app, of spend with a known channel.",
        "{value:.0%} of spend is online",
    ),
    count("distinct_channels", "Different channels used.", "uses {value:.0f} channels"),
    number(
        "main_channel_share",
        "Share of visits through the channel used most.",
        "{value:.0%} of visits through one channel",
    ),
    number(
        "channel_change_share",
        "How often the next visit is through another channel; needs two visits with a known one.",
        "changes channel on {value:.0%} of visits",
    ),
    count("stores_ever", "Different stores visited.", "has been to {value:.0f} stores"),
    count("stores_90d", "Different stores visited in the last 90 days.", "{value:.0f} stores in the last 90 days"),
    number(
        "home_store_share",
        "Share of visits to the store visited most, of visits with a known store.",
        "{value:.0%} of visits to one store",
    ),
    number(
        "store_change_share",
        "How often the next visit is to another store; needs two visits with a known one.",
        "changes store on {value:.0%} of visits",
    ),
)

PLACE = FeatureSet(
    name="place",
    description="Through which channels and in which stores each shopper buys, and how faithful they are to them.",
    tables=("bills", "line_items"),
    features=FEATURES,
    build=place,
)
