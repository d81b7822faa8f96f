"""How shoppers of each vertical buy: rhythm, seasons, hours, baskets, returns and responses to campaigns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Vertical:
    """The habits of one vertical. Shares are between 0 and 1; weights are relative.

    `gap_days` is the mean time between visits of a buying user, `lifetime_days` the typical time until a user lapses.
    `months` are January to December, `weekdays` Monday to Sunday, `hours` 0 to 23 o'clock in a shop.
    `uplift_visits` is the mean number of visits that a contact adds; `offers` pairs its text with its discount.
    """

    gap_days: float
    lifetime_days: float
    basket_lines: float
    extra_quantity: float
    habit_share: float
    return_share: float
    anonymous_share: float
    online_share: float
    stores: int
    items: int
    uplift_visits: float
    months: tuple[float, ...]
    weekdays: tuple[float, ...]
    hours: tuple[float, ...]
    sale_months: tuple[int, ...]
    offers: tuple[tuple[str, float], ...]


# Nothing is sold between 1 and 4 o'clock: those are the hours that change to and from summer time skips or repeats.
_CAFE = (0, 0, 0, 0, 0, 0, 2, 9, 12, 9, 7, 6, 8, 7, 5, 5, 5, 4, 3, 2, 1, 0, 0, 0)
_SHOP = (0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 5, 7, 8, 8, 8, 8, 9, 10, 8, 4, 1, 0, 0, 0)
ONLINE_HOURS = (1, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 5, 4, 4, 4, 5, 6, 8, 10, 10, 7, 3)

VERTICALS = {
    "food_and_beverage": Vertical(
        gap_days=7,
        lifetime_days=180,
        basket_lines=1.9,
        extra_quantity=0.2,
        habit_share=0.35,
        return_share=0.004,
        anonymous_share=0.18,
        online_share=0.12,
        stores=9,
        items=160,
        uplift_visits=0.6,
        months=(0.95, 0.97, 1.0, 1.0, 1.02, 1.05, 0.98, 0.92, 1.02, 1.04, 1.05, 1.1),
        weekdays=(1.1, 1.1, 1.1, 1.1, 1.2, 0.9, 0.6),
        hours=_CAFE,
        sale_months=(),
        offers=(("second cup at half price", 0.25), ("free biscuit with a coffee", 0.15), ("20 % off breakfast", 0.2)),
    ),
    "fashion": Vertical(
        gap_days=42,
        lifetime_days=420,
        basket_lines=2.3,
        extra_quantity=0.04,
        habit_share=0.04,
        return_share=0.11,
        anonymous_share=0.11,
        online_share=0.45,
        stores=7,
        items=480,
        uplift_visits=0.22,
        months=(1.05, 0.75, 0.9, 1.05, 1.0, 0.95, 1.1, 0.7, 1.05, 1.0, 1.25, 1.45),
        weekdays=(0.8, 0.8, 0.85, 0.95, 1.15, 1.5, 0.95),
        hours=_SHOP,
        sale_months=(1, 7),
        offers=(
            ("10 % off the new collection", 0.1),
            ("20 % off your next order", 0.2),
            ("early access to sale", 0.15),
        ),
    ),
    "footwear": Vertical(
        gap_days=84,
        lifetime_days=600,
        basket_lines=1.7,
        extra_quantity=0.03,
        habit_share=0.06,
        return_share=0.09,
        anonymous_share=0.08,
        online_share=0.35,
        stores=12,
        items=280,
        uplift_visits=0.14,
        months=(0.85, 0.75, 1.0, 1.15, 1.1, 1.0, 0.9, 1.15, 1.3, 1.0, 1.05, 1.2),
        weekdays=(0.75, 0.75, 0.8, 0.9, 1.1, 1.7, 1.0),
        hours=_SHOP,
        sale_months=(1, 7),
        offers=(("15 % off any pair", 0.15), ("free care kit with boots", 0.1), ("25 % off the second pair", 0.2)),
    ),
}
