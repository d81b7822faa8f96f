"""A simulated retailer, and the data that its simulation returns."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from capflow_assets.simulator.defects import DEFECTS
from capflow_assets.simulator.verticals import VERTICALS, Vertical
from partitions.customer import NAME_PATTERN

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Retailer:
    """A made-up retailer: the same values give the same data, line by line.

    `users` are its known shoppers, `start` the first of `days` days of sales, `defects` names from DEFECTS.
    Raises ValueError, naming the allowed values, for an unknown vertical or defect and for an impossible size.
    """

    name: str
    vertical: str
    users: int
    start: date
    days: int
    seed: int = 0
    defects: tuple[str, ...] = ()
    currency: str = "EUR"
    timezone: str = "Europe/Paris"

    def __post_init__(self) -> None:
        if not re.fullmatch(NAME_PATTERN, self.name):
            raise ValueError(f"retailer name {self.name!r}: use small letters, digits, - and _, at most 63 of them.")
        if self.vertical not in VERTICALS:
            raise ValueError(f"retailer {self.name!r}: no vertical {self.vertical!r}; choose from {sorted(VERTICALS)}.")
        for defect in self.defects:
            if defect not in DEFECTS:
                raise ValueError(f"retailer {self.name!r}: no defect {defect!r}; choose from {sorted(DEFECTS)}.")
        if self.users < 1 or self.days < 1:
            raise ValueError(f"retailer {self.name!r}: users and days must be at least 1.")

    @property
    def end(self) -> date:
        """The first day after the last day of sales."""
        return self.start + timedelta(days=self.days)

    @property
    def last_day(self) -> date:
        """The last day of sales."""
        return self.end - timedelta(days=1)

    @property
    def rhythm(self) -> Vertical:
        """How shoppers of this vertical buy."""
        return VERTICALS[self.vertical]

    def random(self, part: str) -> np.random.Generator:
        """Return random numbers for one part of the simulation; a change to one part leaves the others as they were."""
        import numpy as np

        return np.random.default_rng([self.seed, zlib.crc32(part.encode())])


@dataclass(frozen=True)
class SimulatedData:
    """Everything that a retailer recorded, and separately the truth, which only a test may use.

    Times are the shop's local time, without a zone. Money is in the retailer's currency.

    `line_items`: bill_id, user_id (null = anonymous), item_id, ts, quantity (negative when returned), unit_price,
    discount (of the whole line, positive), store_id, channel, is_return; sorted by time.
    `users`: user_id, first_seen, city, age_band. `items`: item_id, description, category ("A > B"), brand, price.
    `contacts`: user_id, campaign_id, channel, offer, sent_at, responded_at, treated (False = control group).
    `truth`: user_id, rate_per_day, dropout (null = still buying at the end), uplift (visits that a contact adds in the
    13 days after it), favourite_style. `item_styles`: item_id, style: what is bought together.
    """

    retailer: Retailer
    line_items: pd.DataFrame
    users: pd.DataFrame
    items: pd.DataFrame
    contacts: pd.DataFrame
    truth: pd.DataFrame
    item_styles: pd.DataFrame
