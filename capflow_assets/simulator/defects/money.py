"""Prices, quantities and discounts in another unit, currency or sign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.simulator.defects.days import ALL, recent

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_ZLOTY, _TAX = 4.3, 1.2


def cents(lines: pd.DataFrame, random: np.random.Generator, days: int = 30) -> pd.DataFrame:
    """The export changed its unit: unit_price and discount of the last 30 days are in cents, a hundredfold."""
    return _dearer(lines, 100.0, days)


def currency_changed(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """A subsidiary's currency came in: unit_price and discount of the last 3 days are in zloty, 4.3 times euros."""
    return _dearer(lines, _ZLOTY, days)


def prices_with_tax(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """Gross for net: unit_price and discount of the last 3 days have 20 % tax on top."""
    return _dearer(lines, _TAX, days)


def discount_doubled(lines: pd.DataFrame, random: np.random.Generator, days: int = 7) -> pd.DataFrame:
    """A discount was booked on the line and on the bill: in the last 7 days it is twice what it was."""
    twice = (2 * lines["discount"]).clip(upper=lines["quantity"].abs() * lines["unit_price"])
    return lines.assign(discount=lines["discount"].mask(recent(lines, days), twice))


def quantities_in_cents(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """Two implied decimals were not read as such: quantities of the last 3 days are a hundredfold."""
    return lines.assign(quantity=lines["quantity"].mask(recent(lines, days), 100 * lines["quantity"]))


def returns_as_sales(lines: pd.DataFrame, random: np.random.Generator, days: int = 28) -> pd.DataFrame:
    """The sign got lost: returns of the last 28 days are booked as sales."""
    hit = recent(lines, days) & lines["is_return"]
    return lines.assign(
        quantity=lines["quantity"].mask(hit, lines["quantity"].abs()), is_return=lines["is_return"] & ~hit
    )


def sign_flipped(lines: pd.DataFrame, random: np.random.Generator, days: int = 3) -> pd.DataFrame:
    """Debit became credit: sales of the last 3 days are booked as returns, and returns as sales."""
    hit = recent(lines, days)
    return lines.assign(quantity=lines["quantity"].mask(hit, -lines["quantity"]), is_return=lines["is_return"] ^ hit)


def negative_prices(lines: pd.DataFrame, random: np.random.Generator, days: int = ALL) -> pd.DataFrame:
    """Corrections were booked as sales: 3 % of the sold lines have the unit_price below zero."""
    hit = (random.random(len(lines)) < 0.03) & ~lines["is_return"] & recent(lines, days)
    return lines.assign(unit_price=lines["unit_price"].mask(hit, -lines["unit_price"]))


def till_tests(lines: pd.DataFrame, random: np.random.Generator, days: int = 1) -> pd.DataFrame:
    """A till was tested in the live system: three lines of the last day have a unit_price of 99,999.99."""
    hit = lines.index[recent(lines, days) & ~lines["is_return"]][:3]
    return lines.assign(unit_price=lines["unit_price"].mask(lines.index.isin(hit), 99_999.99))


def _dearer(lines: pd.DataFrame, factor: float, days: int) -> pd.DataFrame:
    factors = recent(lines, days).map({True: factor, False: 1.0})
    return lines.assign(
        unit_price=(lines["unit_price"] * factors).round(2), discount=(lines["discount"] * factors).round(2)
    )
