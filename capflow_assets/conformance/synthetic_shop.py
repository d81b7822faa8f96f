"""A synthetic shop with known structure: shoppers with their own visit rate and spend, who leave for good at some time.

Items come in tastes that are bought together; some are bought again and again. Each shopper prefers certain hours and a
weekday, and one in eight returns most of what they buy. Everything follows from the seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.model import Model
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot, drop_labels
from capflow_assets.validated.content import TIME_COLUMNS

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

START = datetime(2023, 1, 1)
DAYS = 540
AS_OF = START + timedelta(days=DAYS)
TASTES, ITEMS_OF_A_TASTE = 6, 12
RETURNERS, RETURNED, BROUGHT_BACK_AFTER = 0.125, 0.8, timedelta(days=3)

Line = tuple[str, str, str, datetime, float, bool]


Frames = Mapping[str, "pd.DataFrame"]


@dataclass(frozen=True)
class SyntheticShop:
    """One retailer's canonical tables as frames, and its feature sets with another key than the user.

    `sets` holds the latter as "features/<set>"; like items they have no date.
    """

    frames: Frames
    sets: Frames = field(default_factory=dict)

    def tables(self, start: datetime, end: datetime) -> dict[str, ibis.Table]:
        """Return the tables with rows in [start, end); those without a time are complete."""
        import ibis

        cut = {name: _between(frame, TIME_COLUMNS.get(name), start, end) for name, frame in self.frames.items()}
        return {name: ibis.memtable(frame) for name, frame in cut.items()}

    def snapshot(self, as_of: datetime) -> Snapshot:
        """Return the snapshot of a date."""
        return self._snapshot(as_of, self.tables(START, as_of))

    def labelled_snapshot(self, as_of: datetime, model: Model) -> LabelledSnapshot:
        """Return the snapshot of a date with the model's outcome."""
        known = self.tables(START, as_of)
        if model.learns_from == "labels":
            snapshot = self._snapshot(as_of, drop_labels(known))
            return snapshot.with_outcome(model.outcome(snapshot, known))
        snapshot = self._snapshot(as_of, known)
        window = self.tables(as_of, as_of + timedelta(days=model.horizon_days))
        return snapshot.with_outcome(model.outcome(snapshot, window))

    def _snapshot(self, as_of: datetime, tables: Mapping[str, ibis.Table]) -> Snapshot:
        import ibis

        sets = {name: ibis.memtable(frame) for name, frame in self.sets.items()}
        return Snapshot("acme", as_of, features(self.frames, as_of), {**tables, **sets})

    def only(self, keep: Mapping[str, str]) -> SyntheticShop:
        """Return the shop with only the shoppers in `keep`, renamed to its values."""
        frames = {
            name: frame[frame["user_id"].isin(keep)].assign(user_id=lambda part: part["user_id"].map(keep))
            if "user_id" in frame.columns and name != "media"
            else frame
            for name, frame in self.frames.items()
        }
        return replace(self, frames=frames)

    def with_tables(self, **frames: pd.DataFrame) -> SyntheticShop:
        """Return the shop with some tables replaced."""
        return replace(self, frames={**self.frames, **frames})

    def users(self) -> list[str]:
        """Return all shoppers, sorted."""
        return sorted(self.frames["bills"]["user_id"].dropna().unique())


def make_shop(users: int = 400, seed: int = 7) -> SyntheticShop:
    """Return a shop with so many shoppers over 540 days."""
    import numpy as np

    from capflow_assets.conformance.shop_tables import contacts, item_text, media, reviews

    chance = np.random.default_rng(seed)
    lines: list[Line] = []
    for number in range(users):
        lines += _shopper(f"u{number:05d}", chance)
    told = contacts(_sales(lines)["bills"], START, DAYS, seed)
    sales = _sales(lines + _lines_of_respondents(told, lines))
    items = _items()
    shown, sets = media(items, seed)
    more = {"items": items, "contacts": told, "reviews": reviews(sales["line_items"], seed), "media": shown}
    return SyntheticShop({**sales, **more}, {**sets, "features/item_text": item_text(items, seed)})


def _lines_of_respondents(told: pd.DataFrame, lines: list[Line]) -> list[Line]:
    """Return the purchases of shoppers who respond to a campaign: what they bought first, once more."""
    first = {line[0]: line for line in reversed(lines)}
    answers = told.loc[told["responded_at"].notna(), ["user_id", "campaign_id", "responded_at"]]
    return [
        (user, f"{user}-{campaign}", first[user][2], when.to_pydatetime(), first[user][4], False)
        for user, campaign, when in answers.itertuples(index=False, name=None)
    ]


def _between(frame: pd.DataFrame, column: str | None, start: datetime, end: datetime) -> pd.DataFrame:
    if column is None:
        return frame
    return frame[(frame[column] >= start) & (frame[column] < end)].reset_index(drop=True)


def _shopper(user: str, chance: np.random.Generator) -> list[Line]:
    import numpy as np

    gap = float(np.exp(chance.uniform(np.log(6), np.log(90))))  # days between visits while active
    leaves = chance.beta(1.0, 8.0)  # probability to leave after a visit
    mean_price = chance.gamma(4.0, 3.0)
    tastes = chance.choice(TASTES, 2, replace=False)
    staples = [_item(tastes[0], chance), _item(tastes[0], chance)]
    habit = chance.spawn(1)[0]  # its own stream: the draws of visits and baskets stay the same
    likes = (int(habit.integers(7)), int(habit.integers(8, 18)), habit.random() < RETURNERS)
    day, lines = float(chance.uniform(0, DAYS * 0.7)), list[Line]()
    while day < DAYS:
        ts = _moment(int(day), int(chance.integers(8, 20)), likes, habit)
        returned = likes[2] and habit.random() < RETURNED
        for item in _basket(tastes, staples, chance):
            amount = round(mean_price * chance.gamma(4, 0.25), 2)
            lines.append((user, f"{user}-{len(lines)}-{int(day)}", item, ts, amount, False))
            if returned and ts + BROUGHT_BACK_AFTER < AS_OF:
                lines.append((user, f"{user}-{len(lines)}-back", item, ts + BROUGHT_BACK_AFTER, -amount, True))
        if chance.random() < leaves:
            break
        day += max(chance.gamma(3.0, gap / 3.0), 1.0)
    return lines


def _moment(day: int, hour: int, likes: tuple[int, int, bool], habit: np.random.Generator) -> datetime:
    """Return when a visit takes place: mostly at the shopper's preferred hours, half of them on their weekday."""
    if habit.random() < 0.7:
        hour = likes[1] + int(habit.integers(2))
    shift = (likes[0] - (START + timedelta(days=day)).weekday() + 3) % 7 - 3
    if habit.random() < 0.5 and 0 <= day + shift < DAYS:
        day += shift
    return START + timedelta(days=day, hours=hour)


def _basket(tastes: np.ndarray, staples: list[str], chance: np.random.Generator) -> list[str]:
    drawn = [_item(tastes[int(chance.random() < 0.25)], chance) for _ in range(1 + chance.poisson(1.5))]
    return sorted(set(drawn + [item for item in staples if chance.random() < 0.5]))


def _item(taste: int, chance: np.random.Generator) -> str:
    return f"i{taste}{min(int(chance.geometric(0.25)) - 1, ITEMS_OF_A_TASTE - 1):02d}"


def _sales(lines: list[Line]) -> dict[str, pd.DataFrame]:
    import pandas as pd

    frame = pd.DataFrame(lines, columns=["user_id", "line_id", "item_id", "ts", "amount", "is_return"])
    frame["bill_id"] = frame["user_id"] + "-" + frame["ts"].dt.strftime("%Y%m%d%H")
    frame["bill_id"] += frame["is_return"].map({False: "", True: "-back"})
    store = "s" + (pd.factorize(frame["user_id"])[0] % 3).astype(str).astype(object)
    frame = frame.assign(quantity=1.0 - 2.0 * frame["is_return"], store_id=store, unit_price=frame["amount"].abs())
    frame = frame.assign(discount=0.0, channel="store").drop(columns="line_id")
    bills = frame.groupby("bill_id", as_index=False).agg(
        user_id=("user_id", "first"), ts=("ts", "first"), amount=("amount", "sum"), is_return=("is_return", "first"),
        line_item_count=("item_id", "size"), store_id=("store_id", "first"), channel=("channel", "first"),
    )  # fmt: skip
    return {"bills": bills, "line_items": frame}


def _items() -> pd.DataFrame:
    import pandas as pd

    pairs = [(taste, number) for taste in range(TASTES) for number in range(ITEMS_OF_A_TASTE)]
    return pd.DataFrame(
        {
            "item_id": [f"i{taste}{number:02d}" for taste, number in pairs],
            "description": [f"Fine thing {taste}{number:02d}" for taste, number in pairs],
            "category": [f"Taste {taste} > Kind {number % 4}" for taste, number in pairs],
            "price": [1.0 + number for _, number in pairs],
        }
    )


def features(frames: Frames, as_of: datetime) -> pd.DataFrame:
    """Return a few features of each shopper seen before `as_of`, sorted by user_id."""
    import pandas as pd

    from capflow_assets.conformance.shop_tables import contact_features

    bills = frames["bills"]
    past = bills[(bills["ts"] < as_of) & bills["user_id"].notna() & ~bills["is_return"]].sort_values(
        ["user_id", "ts", "bill_id"]
    )
    past = past.assign(age=(as_of - past["ts"]).dt.days, cents=(past["amount"] * 100).round().astype("int64"))
    by_user = past.groupby("user_id")
    frame = pd.DataFrame({"recency_days": by_user["age"].min(), "tenure_days": by_user["age"].max()})
    for days in (30, 90, 180):
        recent = past[past["age"] < days].groupby("user_id")
        frame[f"frequency_bills_{days}d"] = recent.size().reindex(frame.index, fill_value=0)
        frame[f"spend_{days}d"] = recent["cents"].sum().reindex(frame.index, fill_value=0) / 100
    visits = by_user.size()
    frame["mean_gap_days"] = ((frame["tenure_days"] - frame["recency_days"]) / (visits - 1)).where(visits > 1)
    frame["gap_ratio"] = (frame["recency_days"] / frame["mean_gap_days"]).where(frame["mean_gap_days"] > 0)
    if "contacts" in frames:
        frame = frame.join(contact_features(frames["contacts"], as_of))
    return frame.reset_index()
