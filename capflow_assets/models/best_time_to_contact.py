"""best_time_to_contact: the parts of the week in which each shopper is likeliest to buy or to respond."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.features.visits import SECONDS_PER_DAY, visits
from capflow_assets.methods import dirichlet
from capflow_assets.methods.visits import YEAR_DAYS
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import numpy as np
    import pandas as pd

TOP = 10
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
PART_STARTS = (0, 7, 10, 13, 17, 21)
PARTS = ("00-07", "07-10", "10-13", "13-17", "17-21", "21-24")
SLOTS = tuple(f"{day} {part}" for day in WEEKDAYS for part in PARTS)
THURSDAY = 3  # 1970-01-01, day number 0


class BestTimeToContact(Model):
    """Rank the ten parts of the week in which a shopper is likeliest to buy or respond in the next 30 days.

    The week has 42 slots: 7 days x 6 parts of the day ("Tue 17-21"). Bills count and, if the retailer sends contacts,
    responses to them; recent ones count more. A shopper's counts are shrunk towards the shop's by a Dirichlet prior of
    maximum likelihood: a shopper with one visit gets the shop's best times, a regular their own.
    Weekday and hour are UTC, not the store's: a known gap, as everywhere in CapFlow's features.
    """

    name = "best_time_to_contact"
    title = "Best times to contact"
    description = (
        "The ten parts of the week (such as Tue 17-21) in which each shopper is likeliest to buy or to respond."
    )
    family = "engagement"
    method = "Dirichlet-multinomial shrinkage by maximum likelihood (Minka 2000, Estimating a Dirichlet distribution)"
    task: ClassVar[Task] = "ranking"
    ranked = "slot"
    tables = ("bills",)
    optional_tables = ("contacts",)
    needs = Needs(users=100, bills=500, history_days=90)
    horizon_days = 30
    metric = "ndcg_at_10"
    baseline_name = "the ten most popular times of the shop"
    has_rule = True
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {"half_life_days": 180.0}
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {"half_life_days": (60.0, 120.0, 180.0, 365.0)}

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `user_id`, `slot`: when shoppers seen in the last 365 days bought or responded in the window."""
        known = _moments(snapshot.tables, snapshot.as_of)["user_id"].unique()
        came = _in_slots(window)
        first = calendar.timegm(snapshot.as_of.timetuple())
        inside = came["timed"] & (came["seconds"] - first).between(0, self.horizon_days * SECONDS_PER_DAY - 1)
        pairs = came[inside & came["user_id"].isin(known)].drop_duplicates(["user_id", "slot"])
        pairs = pairs.sort_values(["user_id", "slot"], ignore_index=True)
        return pairs[["user_id"]].assign(slot=[SLOTS[slot] for slot in pairs["slot"].tolist()])

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit the shop's shares of the slots and the strength of the prior on the latest snapshot's last 365 days."""
        latest = max(train, key=lambda snapshot: snapshot.as_of)
        half_life = float(parameters["half_life_days"])
        _, counts = _counts(_moments(latest.tables, latest.as_of), half_life)
        if not counts.any():
            raise NothingToLearnError(
                f"bills for {latest.customer!r} hold no purchase of a known user with a time of day before "
                f"{latest.as_of}.\nMap ts to a column with times in the customer's file, or leave this model out."
            )
        shop = _shop(counts)
        return Artefact(
            files={},
            facts={
                "shop": dict(zip(SLOTS, shop.tolist(), strict=True)),
                "strength": dirichlet.fit_strength(shop, counts),
                "half_life_days": half_life,
            },
        )

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `rank` 1 to 10, `slot`, `score` (share of the shopper's week), per shopper of the last 365 days."""
        import numpy as np

        moments = _moments(snapshot.tables, snapshot.as_of)
        users, counts = _counts(moments, artefact.facts["half_life_days"])
        shop = np.array([artefact.facts["shop"][slot] for slot in SLOTS])
        shares = dirichlet.posterior_shares(counts, shop, artefact.facts["strength"])
        best = np.argsort(-shares, axis=1, kind="stable")[:, :TOP]
        times = _counts(moments, float("inf"))[1]
        seen = np.take_along_axis(times, best, axis=1).astype(int)
        visits = times.sum(axis=1).astype(int)
        return prediction_frame(
            self,
            {
                "user_id": np.repeat(users, TOP),
                "rank": np.tile(np.arange(1, TOP + 1), len(users)),
                "slot": np.array(SLOTS)[best.ravel()],
                "score": np.take_along_axis(shares, best, axis=1).ravel(),
                "reasons": _reasons(seen, visits, np.take_along_axis(shop[None].repeat(len(best), 0), best, axis=1)),
            },
        )

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict for every shopper the ten slots in which the shop was busiest in the last 365 days."""
        import numpy as np

        users, counts = _counts(_moments(snapshot.tables, snapshot.as_of), float("inf"))
        shop = _shop(counts)
        best = np.argsort(-shop, kind="stable")[:TOP]
        return prediction_frame(
            self,
            {
                "user_id": np.repeat(users, TOP),
                "rank": np.tile(np.arange(1, TOP + 1), len(users)),
                "slot": np.tile(np.array(SLOTS)[best], len(users)),
                "score": np.tile(shop[best], len(users)),
            },
        )


def slot_of(seconds: np.ndarray) -> np.ndarray:
    """Return the index in SLOTS of each moment (seconds since 1970, UTC)."""
    import numpy as np

    weekday = (seconds // SECONDS_PER_DAY + THURSDAY) % 7
    part = np.searchsorted(PART_STARTS, seconds % SECONDS_PER_DAY // 3600, side="right") - 1
    return weekday * len(PARTS) + part


def _in_slots(tables: Mapping[str, ibis.Table]) -> pd.DataFrame:
    """Return one row per purchase and per response of a known shopper: `user_id`, `seconds`, `timed`, `slot`.

    Returned sales do not count; one moment of one shopper counts once. Exactly 00:00:00 means that no time was
    recorded: `timed` is false.
    """
    import pandas as pd

    bills = tables["bills"]
    bought = visits(bills)
    found = bought.select("user_id", seconds=bought.ts.epoch_seconds())
    if "contacts" in tables:
        contacts = tables["contacts"]
        answered = contacts.filter(contacts.user_id.notnull(), contacts.responded_at.notnull())
        found = found.union(answered.select("user_id", seconds=answered.responded_at.epoch_seconds()))
    frame = found.distinct().order_by("user_id", "seconds").execute()
    seconds = frame["seconds"].astype("int64")
    slots = slot_of(seconds.to_numpy())
    users = frame["user_id"].astype("str")
    return pd.DataFrame({"user_id": users, "seconds": seconds, "timed": seconds % SECONDS_PER_DAY != 0, "slot": slots})


def _moments(tables: Mapping[str, ibis.Table], as_of: datetime) -> pd.DataFrame:
    """Return the purchases and responses of the last 365 days, with `age` in days."""
    found = _in_slots(tables)
    age = (calendar.timegm(as_of.timetuple()) - found["seconds"]) / SECONDS_PER_DAY
    return found.assign(age=age)[(age > 0) & (age <= YEAR_DAYS)].reset_index(drop=True)


def _counts(moments: pd.DataFrame, half_life_days: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the shoppers, sorted, and shoppers x slots: their visits, each weighted by exponential decay."""
    import numpy as np
    import pandas as pd

    row, users = pd.factorize(moments["user_id"], sort=True)
    weight = moments["timed"].to_numpy() * np.exp2(-moments["age"].to_numpy(dtype=float) / half_life_days)
    cells = row * len(SLOTS) + moments["slot"].to_numpy(dtype="int64")
    counts = np.bincount(cells, weights=weight, minlength=len(users) * len(SLOTS))
    return np.asarray(users), counts.reshape(len(users), len(SLOTS))


def _shop(counts: np.ndarray) -> np.ndarray:
    """Return the share of each slot over all shoppers, with a pseudo-count of 0.5 so that none is 0."""
    import numpy as np

    total = np.sort(counts, axis=0).sum(axis=0) + 0.5  # sums of floats depend on their order
    return np.asarray(total / total.sum())


def _reasons(seen: np.ndarray, visits: np.ndarray, shop: np.ndarray) -> list[list[str]]:
    """Return how many of the shopper's visits were in each slot, and the slot's share of all visits."""
    usual = 1.0 / len(SLOTS)
    return [
        ([f"came at this time on {times} of {all_visits} visit{'s' if all_visits > 1 else ''}"] if times else [])
        + ([f"{share:.0%} of the shop's visits are at this time"] if share > usual or not times else [])
        for row, all_visits, shares in zip(seen.tolist(), visits.tolist(), shop.tolist(), strict=True)
        for times, share in zip(row, shares, strict=True)
    ]
