"""A model fitted in the small world: what every check of the conformance suite starts from."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from capflow_assets.conformance.limits import Cost, measured
from capflow_assets.conformance.world import AS_OF, World, world
from capflow_assets.contract.model import Artefact, Model
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.training.split import split, split_labelled
from capflow_assets.validated.anchors import snapshot_grid

if TYPE_CHECKING:
    import pandas as pd

SEED = 3


@dataclass(frozen=True)
class Fitted:
    """One model with what it learned in the small world, what that cost, and how it ends on the test snapshot."""

    model: Model
    world: World
    train: list[LabelledSnapshot]
    test: LabelledSnapshot
    artefact: Artefact
    prediction: pd.DataFrame
    cost: Cost

    @property
    def outcome(self) -> pd.DataFrame:
        """What came true after the test snapshot."""
        return self.test.outcome

    def of_users(self) -> bool:
        """Whether the model predicts something of shoppers."""
        return self.model.unit[0] == "user_id"

    def fit(self, train: list[LabelledSnapshot]) -> Artefact:
        """Fit again, as the first time."""
        return self.model.fit(train, {**self.model.parameters, **self.model.settings}, SEED)


def fitted(model: Model, small: World | None = None) -> Fitted:
    """The model, fitted on the small world's past and asked about its test date."""
    chosen = small or world()
    train, test = snapshots(model, chosen)
    artefact, cost = measured(lambda: model.fit(train, {**model.parameters, **model.settings}, SEED))
    return Fitted(model, chosen, train, test, artefact, model.predict(artefact, test), cost)


def snapshots(model: Model, small: World) -> tuple[list[LabelledSnapshot], LabelledSnapshot]:
    """What the platform would train the model on, and judge it by."""
    if model.learns_from == "labels":
        return split_labelled(model, small.labelled_snapshot(AS_OF, model))
    dates = split(AS_OF, model.horizon_days, snapshot_grid(AS_OF))
    return [small.labelled_snapshot(date, model) for date in dates.train], small.labelled_snapshot(dates.test, model)


def shuffled(snapshot: LabelledSnapshot, seed: int = 5) -> LabelledSnapshot:
    """The same snapshot with the rows of every table in another order."""
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


def same(model: Model, first: pd.DataFrame, second: pd.DataFrame) -> None:
    """AssertionError when two predictions differ in more than the order of rows."""
    import pandas as pd

    one, two = (frame.sort_values(model.key).reset_index(drop=True) for frame in (first, second))
    pd.testing.assert_frame_equal(one, two, rtol=model.tolerance, atol=model.tolerance)


def same_artefact(first: Artefact, second: Artefact) -> None:
    """AssertionError when two artefacts differ in a byte."""
    different = [name for name in {*first.files, *second.files} if first.files.get(name) != second.files.get(name)]
    assert not different, f"these files differ: {', '.join(sorted(different))}"
    assert first.columns == second.columns, "the columns differ"
    assert json.dumps(first.facts, sort_keys=True) == json.dumps(second.facts, sort_keys=True), "the facts differ"
