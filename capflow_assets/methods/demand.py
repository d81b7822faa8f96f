"""Demand: weekly sales per item and store, counted back from a date, and forecasting features made of them.

One panel (series x weeks) in numpy; from it the features of a global forecasting model: lags, rolling means, prices,
the same weeks of the year before, and how the item, the store, the category and the whole shop are doing (Makridakis,
Spiliotis & Assimakopoulos 2022, "M5 accuracy competition"; Januschowski et al. 2022, "Forecasting with trees").
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.features.purchases import item_sales

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

WEEK_SECONDS = 7 * 86_400
POPULATION_WEEKS = 26
YEAR_WEEKS = 52
HISTORY_WEEKS = 160
NO_STORE = "all"
SERIES = ["item_id", "store_id"]

FEATURES = (
    "ahead", "log_level", "lag_1", "lag_2", "lag_3", "lag_4", "mean_4", "mean_8", "mean_13", "mean_26", "mean_52",
    "spread_13", "sold_share_13", "sold_share_26", "weeks_since_sale", "weeks_since_first_sale",
    "year_ago", "year_ago_season", "price", "price_now_to_usual", "share_of_item", "item_trend", "store_trend",
    "store_season", "category_trend", "category_season", "shop_last_week", "shop_trend", "shop_season",
    "year_sin", "year_cos",
)  # fmt: skip


@dataclass(frozen=True)
class DemandPanel:
    """Weekly sales as of a date: column 0 is the last seven days before it, column 1 the seven before these, ...

    `pieces` and `money` (currency units) are series x weeks, `names` their item_id and store_id. `items`, `stores` and
    `categories` are the pieces of each in all, a series' own row at `item_of`, `store_of` and `category_of`; `shop` is
    one row. Of weeks from `known` on nothing is recorded.
    """

    as_of: datetime
    names: pd.DataFrame
    pieces: np.ndarray
    money: np.ndarray
    items: np.ndarray
    item_of: np.ndarray
    stores: np.ndarray
    store_of: np.ndarray
    categories: np.ndarray
    category_of: np.ndarray
    shop: np.ndarray
    known: int

    def alive(self, back: int = 0) -> np.ndarray:
        """Return which series were sold in the 26 weeks before the date that lies `back` weeks before `as_of`."""
        import numpy as np

        return np.asarray((self.pieces[:, back : back + POPULATION_WEEKS] > 0).any(axis=1))

    def rows(self, chosen: np.ndarray) -> DemandPanel:
        """Return the same panel with some of its series."""
        parts = {
            name: getattr(self, name)[chosen] for name in ("pieces", "money", "item_of", "store_of", "category_of")
        }
        return replace(self, names=self.names.iloc[chosen].reset_index(drop=True), **parts)


def sales_by_store(line_items: ibis.Table) -> ibis.Table:
    """Return every sale with `store_id` ("all" without a store) and `seconds` since 1970 (UTC)."""
    lines = item_sales(line_items)
    return lines.mutate(
        store_id=lines.store_id.cast("string").nullif("").fill_null(NO_STORE), seconds=lines.ts.epoch_seconds()
    )


def top_series(line_items: ibis.Table, as_of: datetime, most: int, weeks: int = POPULATION_WEEKS) -> pd.DataFrame:
    """Return the `most` pairs of item and store with most pieces sold in the last `weeks` weeks, sorted."""
    import ibis

    lines = sales_by_store(line_items)
    recent = lines.filter(lines.seconds >= _epoch(as_of) - weeks * WEEK_SECONDS)
    pairs = recent.group_by(SERIES).aggregate(thousandths=recent.thousandths.sum())
    best = pairs.order_by(ibis.desc("thousandths"), *SERIES).limit(most).execute()
    return best[SERIES].astype("str").sort_values(SERIES, ignore_index=True)


def weekly_outcome(window: ibis.Table, as_of: datetime) -> pd.DataFrame:
    """Return `item_id`, `store_id`, `week` (1: the seven days from `as_of` on), `value`: pieces sold in `window`."""
    lines = sales_by_store(window)
    lines = lines.mutate(week=((lines.seconds - _epoch(as_of)) // WEEK_SECONDS + 1).cast("int64"))
    found = lines.group_by([*SERIES, "week"]).aggregate(thousandths=lines.thousandths.sum()).execute()
    pieces = found["thousandths"].to_numpy(dtype=float) / 1000.0
    return found[SERIES].astype("str").assign(week=found["week"].astype("int64"), value=pieces)


def build_panel(
    tables: Mapping[str, ibis.Table], as_of: datetime, most: int, weeks: int = POPULATION_WEEKS
) -> DemandPanel:
    """Build the panel of `top_series`; `tables` hold line_items before `as_of` and perhaps items."""
    import ibis
    import numpy as np

    names = top_series(tables["line_items"], as_of, most, weeks)
    lines = sales_by_store(tables["line_items"])
    lines = lines.mutate(age=((_epoch(as_of) - 1 - lines.seconds) // WEEK_SECONDS).cast("int64"))
    lines = lines.filter(lines.age < HISTORY_WEEKS)
    own = _weekly(lines.semi_join(ibis.memtable(names, schema={name: "string" for name in SERIES}), SERIES), SERIES)
    places = names.reset_index(names="row").merge(own, on=SERIES)
    pieces, money = (np.zeros((len(names), HISTORY_WEEKS)) for _ in range(2))
    where = (places["row"].to_numpy(dtype="int64"), places["age"].to_numpy(dtype="int64"))
    pieces[where], money[where] = places["pieces"], places["money"]
    stores, store_of = _totals(_weekly(lines, ["store_id"]), names["store_id"])
    categorised = _with_category(lines, tables.get("items"))
    of_item = categorised.select("item_id", "category_id").distinct().execute().set_index("item_id")["category_id"]
    categories, category_of = _totals(_weekly(categorised, ["category_id"]), names["item_id"].map(of_item))
    items, item_of = _totals(own.groupby(["item_id", "age"])["pieces"].sum().reset_index(), names["item_id"])
    known = int(np.flatnonzero(stores.sum(axis=0))[-1]) + 1 if stores.any() else 0
    return DemandPanel(
        as_of, names, pieces, money, items, item_of, stores, store_of, categories, category_of,
        shop=stores.sum(axis=0, keepdims=True), known=known,
    )  # fmt: skip


def level(panel: DemandPanel, back: int = 0) -> np.ndarray:
    """Return weekly sales of each series in the 26 weeks before a date, or since its first sale: its scale."""
    import numpy as np

    past = panel.pieces[:, back : back + POPULATION_WEEKS]
    return past.sum(axis=1) / np.clip(_first_sale(panel, back), 4, min(POPULATION_WEEKS, past.shape[1]))


def features(panel: DemandPanel, ahead: int, back: int = 0, season: bool = True) -> np.ndarray:
    """Return FEATURES of each series for the week `ahead` (1: the next) of the date `back` weeks before the panel's.

    Sales are told as multiples of the series' `level`, so that what is learned of one holds for all. What would need
    weeks from before the first sale of the shop is NaN, the time of year too unless `season`.
    """
    import numpy as np

    own, money, known = panel.pieces[:, back:], panel.money[:, back:], panel.known - back
    scale = np.maximum(level(panel, back), 1e-9)
    sold_in = own > 0
    since = np.where(sold_in.any(axis=1), sold_in.argmax(axis=1), HISTORY_WEEKS).astype(float)
    bought, paid = own[:, :POPULATION_WEEKS].sum(axis=1), money[:, :POPULATION_WEEKS].sum(axis=1)
    last = np.minimum(since, own.shape[1] - 1).astype(int)[:, None]
    price = paid / np.maximum(bought, 1e-9)
    price_now = np.take_along_axis(money, last, 1)[:, 0] / np.maximum(np.take_along_axis(own, last, 1)[:, 0], 1e-9)
    year_ago = _mean(own, YEAR_WEEKS - ahead - 1, YEAR_WEEKS - ahead + 2, known)
    everything = np.ones(len(own))
    shop = panel.shop[:, back:]
    item, store, category = (totals[:, back:] for totals in (panel.items, panel.stores, panel.categories))
    angle = 2 * np.pi * _day_of_year(panel.as_of + timedelta(weeks=ahead - back, days=-4)) / 365.25
    columns = {
        "ahead": ahead * everything,
        "log_level": np.log(scale),
        **{f"lag_{k}": _mean(own, k - 1, k, known) / scale for k in (1, 2, 3, 4)},
        **{f"mean_{k}": _mean(own, 0, k, known) / scale for k in (4, 8, 13, 26, 52)},
        "spread_13": own[:, :13].std(axis=1) / scale,
        "sold_share_13": sold_in[:, :13].mean(axis=1),
        "sold_share_26": sold_in[:, :26].mean(axis=1),
        "weeks_since_sale": since,
        "weeks_since_first_sale": _first_sale(panel, back).astype(float),
        "year_ago": year_ago / scale,
        "year_ago_season": _ratio(year_ago, _mean(own, YEAR_WEEKS, YEAR_WEEKS + 8, known)),
        "price": np.log(np.maximum(price, 1e-3)),
        "price_now_to_usual": _ratio(price_now, price),
        "share_of_item": _ratio(bought, item[:, :POPULATION_WEEKS].sum(axis=1)[panel.item_of]),
        "item_trend": _trend(item, known)[panel.item_of],
        "store_trend": _trend(store, known)[panel.store_of],
        "store_season": _season(store, ahead, known)[panel.store_of],
        "category_trend": _trend(category, known)[panel.category_of],
        "category_season": _season(category, ahead, known)[panel.category_of],
        "shop_last_week": _ratio(_mean(shop, 0, 1, known), _mean(shop, 0, 4, known)) * everything,
        "shop_trend": _trend(shop, known) * everything,
        "shop_season": _season(shop, ahead, known) * everything,
        "year_sin": (np.sin(angle) if season else np.nan) * everything,
        "year_cos": (np.cos(angle) if season else np.nan) * everything,
    }
    return np.column_stack([columns[name] for name in FEATURES])


def _mean(pieces: np.ndarray, start: int, end: int, known: int) -> np.ndarray:
    """Return the weekly mean of the recorded columns in [start, end); NaN if less than half of them are recorded."""
    import numpy as np

    recorded = min(end, known) - start
    if recorded < (end - start) / 2:
        return np.full(len(pieces), np.nan)
    return pieces[:, start : start + recorded].sum(axis=1) / recorded


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, clipped to [0, 10]; NaN without a whole."""
    import numpy as np

    return np.clip(part / np.where(whole > 0, whole, np.nan), 0.0, 10.0)


def _trend(totals: np.ndarray, known: int) -> np.ndarray:
    return _ratio(_mean(totals, 0, 4, known), _mean(totals, 0, 13, known))


def _season(totals: np.ndarray, ahead: int, known: int) -> np.ndarray:
    """Return last year's sales in the target week over the four weeks before the date a year ago."""
    year_ago = _mean(totals, YEAR_WEEKS - ahead, YEAR_WEEKS - ahead + 1, known)
    return _ratio(year_ago, _mean(totals, YEAR_WEEKS, YEAR_WEEKS + 4, known))


def _first_sale(panel: DemandPanel, back: int) -> np.ndarray:
    """Return how many weeks before the date each series was first sold (1: in the last one); 0 for never."""
    import numpy as np

    recorded = panel.pieces[:, back:] > 0
    return np.where(recorded.any(axis=1), recorded.shape[1] - recorded[:, ::-1].argmax(axis=1), 0)


def _with_category(lines: ibis.Table, items: ibis.Table | None) -> ibis.Table:
    """Return the lines with `category_id`: the first part of the item's category path, "" if unknown."""
    import ibis

    if items is None:
        return lines.mutate(category_id=ibis.literal(""))
    places = items.select("item_id", category_id=items.category.split(">")[0].strip()).distinct(on="item_id")
    joined = lines.left_join(places, "item_id")
    return joined.select(*lines.columns, category_id=joined.category_id.fill_null(""))


def _weekly(lines: ibis.Table, keys: list[str]) -> pd.DataFrame:
    found = lines.group_by([*keys, "age"]).aggregate(thousandths=lines.thousandths.sum(), cents=lines.cents.sum())
    frame = found.order_by([*keys, "age"]).execute()
    pieces, money = frame["thousandths"].to_numpy(dtype=float) / 1000.0, frame["cents"].to_numpy(dtype=float) / 100.0
    return frame[keys].astype("str").assign(age=frame["age"].astype("int64"), pieces=pieces, money=money)


def _totals(weekly: pd.DataFrame, wanted: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return a row of weekly pieces per key (the first column of `weekly`), and which row each of `wanted` has."""
    import numpy as np
    import pandas as pd

    row, keys = pd.factorize(weekly.iloc[:, 0], sort=True)
    totals = np.zeros((len(keys), HISTORY_WEEKS))
    totals[row, weekly["age"].to_numpy()] = weekly["pieces"]
    return totals, pd.Index(keys).get_indexer(pd.Index(wanted))


def _epoch(moment: datetime) -> int:
    return calendar.timegm(moment.timetuple())


def _day_of_year(moment: datetime) -> int:
    return moment.timetuple().tm_yday
