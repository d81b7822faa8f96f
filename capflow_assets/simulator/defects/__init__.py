"""What goes wrong with retailers' data: each defect changes a retailer's line items as a real accident did.

A defect takes clean line items and random numbers and gives back line items; it hits the last days of sales, and
`days` says how many where another number than its own is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping

from capflow_assets.simulator.defects.days import Defect
from capflow_assets.simulator.defects.ids import (
    ids_reused,
    items_rekeyed,
    missing_store,
    missing_users,
    users_merged,
    users_rekeyed,
)
from capflow_assets.simulator.defects.loads import (
    channel_missing,
    day_missing,
    duplicated_day,
    duplicated_load,
    half_of_lines_lost,
    store_missing,
    stuck_feed,
    truncated_day,
)
from capflow_assets.simulator.defects.money import (
    cents,
    currency_changed,
    discount_doubled,
    negative_prices,
    prices_with_tax,
    quantities_in_cents,
    returns_as_sales,
    sign_flipped,
    till_tests,
)
from capflow_assets.simulator.defects.times import (
    dates_a_day_late,
    day_and_month_swapped,
    future_dates,
    text_dates,
    timezone_moved,
)

# In the order in which they are applied: copies are of rows already spoilt, and text dates come when no other reads ts.
DEFECTS: Mapping[str, Defect] = {
    "missing_users": missing_users,
    "users_merged": users_merged,
    "users_rekeyed": users_rekeyed,
    "items_rekeyed": items_rekeyed,
    "cents": cents,
    "currency_changed": currency_changed,
    "prices_with_tax": prices_with_tax,
    "discount_doubled": discount_doubled,
    "quantities_in_cents": quantities_in_cents,
    "returns_as_sales": returns_as_sales,
    "sign_flipped": sign_flipped,
    "till_tests": till_tests,
    "store_missing": store_missing,
    "channel_missing": channel_missing,
    "half_of_lines_lost": half_of_lines_lost,
    "day_missing": day_missing,
    "truncated_day": truncated_day,
    "stuck_feed": stuck_feed,
    "timezone_moved": timezone_moved,
    "dates_a_day_late": dates_a_day_late,
    "day_and_month_swapped": day_and_month_swapped,
    "future_dates": future_dates,
    "negative_prices": negative_prices,
    "missing_store": missing_store,
    "ids_reused": ids_reused,
    "duplicated_day": duplicated_day,
    "duplicated_load": duplicated_load,
    "text_dates": text_dates,
}

__all__ = ["DEFECTS", "Defect"]
