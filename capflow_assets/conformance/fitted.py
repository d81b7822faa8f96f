"""A model fitted in the synthetic shop: what every check of the conformance suite starts from."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from capflow_assets.conformance.limits import Cost, measure_cost
from capflow_assets.conformance.synthetic_shop import AS_OF, SyntheticShop, make_shop
from capflow_assets.contract.model import Artefact, Model
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.training.split import split, split_labelled
from capflow_assets.validated.anchors import snapshot_grid

if TYPE_CHECKING:
    import pandas as pd

SEED = 3


@dataclass(frozen=True)
class Fitted:
    """A model with its snapshots, its artefact, its prediction of the test snapshot, and the cost of the fit."""

    model: Model
    shop: SyntheticShop
    train: list[LabelledSnapshot]
    test: LabelledSnapshot
    artefact: Artefact
    prediction: pd.DataFrame
    cost: Cost

    @property
    def outcome(self) -> pd.DataFrame:
        """The outcome of the test snapshot."""
        return self.test.outcome

    @cached_property
    def is_invariant(self) -> bool:
        """Whether one refit, with shoppers renamed and rows and snapshots in another order, gives the same bytes.

        It replaces a refit for each of determinism, order and names; if it differs, the checks refit one by one.
        """
        shop = self.shop.only(self.new_names()) if self.of_users() else self.shop
        train, _ = snapshots(self.model, shop)
        try:
            assert_same_artefact(self.artefact, self.fit([shuffle(snapshot) for snapshot in reversed(train)]))
        except Exception:  # whatever it is: the single checks find out which change causes it
            return False
        return True

    def new_names(self) -> dict[str, str]:
        """Return another name for each shopper, such that their order is reversed."""
        users = self.shop.users()
        return {user: f"shopper {9999 - number}" for number, user in enumerate(users)}

    def of_users(self) -> bool:
        """Return whether the model predicts for shoppers."""
        return self.model.unit[0] == "user_id"

    def fit(self, train: list[LabelledSnapshot]) -> Artefact:
        """Fit with the parameters and the seed of the first fit."""
        return self.model.fit(train, {**self.model.parameters, **self.model.settings}, SEED)


def fitted(model: Model, small: SyntheticShop | None = None) -> Fitted:
    """Fit a model on the past of the synthetic shop and predict its test date."""
    chosen = small or make_shop()
    train, test = snapshots(model, chosen)
    artefact, cost = measure_cost(lambda: model.fit(train, {**model.parameters, **model.settings}, SEED))
    return Fitted(model, chosen, train, test, artefact, model.predict(artefact, test), cost)


def snapshots(model: Model, small: SyntheticShop) -> tuple[list[LabelledSnapshot], LabelledSnapshot]:
    """Return the training snapshots and the test snapshot that the platform would choose."""
    if model.learns_from == "labels":
        return split_labelled(model, small.labelled_snapshot(AS_OF, model))
    dates = split(AS_OF, model.horizon_days, snapshot_grid(AS_OF))
    return [small.labelled_snapshot(date, model) for date in dates.train], small.labelled_snapshot(dates.test, model)


def shuffle(snapshot: LabelledSnapshot, seed: int = 5) -> LabelledSnapshot:
    """Return the snapshot with the rows of every table in another order."""
    import ibis

    return replace(
        snapshot,
        features=snapshot.features.sample(frac=1, random_state=seed).reset_index(drop=True),
        tables={
            name: ibis.memtable(table.execute().sample(frac=1, random_state=seed).reset_index(drop=True))
            for name, table in snapshot.tables.items()
        },
        outcome=snapshot.outcome.sample(frac=1, random_state=seed),
    )


def assert_same_prediction(model: Model, first: pd.DataFrame, second: pd.DataFrame) -> None:
    """Raise AssertionError if two predictions differ in more than the order of rows."""
    import pandas as pd

    one, two = (frame.sort_values(model.key).reset_index(drop=True) for frame in (first, second))
    pd.testing.assert_frame_equal(one, two, rtol=model.tolerance, atol=model.tolerance)


def assert_same_artefact(first: Artefact, second: Artefact) -> None:
    """Raise AssertionError if two artefacts differ in a byte."""
    different = [name for name in {*first.files, *second.files} if first.files.get(name) != second.files.get(name)]
    assert not different, f"these files differ: {', '.join(sorted(different))}"
    assert first.columns == second.columns, "the columns differ"
    assert json.dumps(first.facts, sort_keys=True) == json.dumps(second.facts, sort_keys=True), "the facts differ"
