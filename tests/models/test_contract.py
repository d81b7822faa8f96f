"""The contract, tested on every model of the catalogue: a model joins this suite just by existing."""

from __future__ import annotations

import copy
import io
import json
import pickletools
import zipfile
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd
import pytest

from capflow_assets.features.anchors import grid
from capflow_assets.models.base import OUTCOME_COLUMNS, PREDICTION_COLUMNS, Artefact, Model, Snapshot
from capflow_assets.models.catalogue import models
from capflow_assets.training.metrics import metric
from capflow_assets.training.split import split
from tests.models.model_world import AS_OF, START, World, features, world

SEED = 3
DTYPES = {"score": "float64", "value": "float64", "rank": "int64"}


@dataclass(frozen=True)
class Fitted:
    """One model with what it learned in the small world and how that ends on the test snapshot."""

    model: Model
    world: World
    train: list[Snapshot]
    test: Snapshot
    artefact: Artefact
    prediction: pd.DataFrame


@pytest.fixture(scope="module", params=sorted(models()))
def fitted(request: pytest.FixtureRequest) -> Fitted:
    model, small = models()[request.param], world()
    train, test = snapshots(model, small)
    artefact = model.fit(train, model.parameters, SEED)
    return Fitted(model, small, train, test, artefact, model.predict(artefact, test))


def snapshots(model: Model, small: World) -> tuple[list[Snapshot], Snapshot]:
    dates = split(AS_OF, model.horizon_days, grid(AS_OF))
    return [small.snapshot(date, model) for date in dates.train], small.snapshot(dates.test, model)


def same(first: pd.DataFrame, second: pd.DataFrame) -> None:
    keys = [column for column in ("user_id", "rank") if column in first.columns]
    one, two = (frame.sort_values(keys).reset_index(drop=True) for frame in (first, second))
    pd.testing.assert_frame_equal(one, two, rtol=1e-9, atol=1e-12)


def same_artefact(first: Artefact, second: Artefact) -> None:
    assert dict(first.files) == dict(second.files)
    assert first.columns == second.columns
    assert json.dumps(first.facts, sort_keys=True) == json.dumps(second.facts, sort_keys=True)


def shuffled(snapshot: Snapshot, seed: int = 5) -> Snapshot:
    import ibis

    return replace(
        snapshot,
        features=snapshot.features.sample(frac=1, random_state=seed).reset_index(drop=True),
        tables={
            name: ibis.memtable(table.execute().sample(frac=1, random_state=seed).reset_index(drop=True))
            for name, table in snapshot.tables.items()
        },
        outcome=None if snapshot.outcome is None else snapshot.outcome.sample(frac=1, random_state=seed),
    )


def test_it_says_what_it_is(fitted: Fitted) -> None:
    model = fitted.model
    assert model.name.isidentifier()
    assert model.name == model.name.lower()
    assert len(model.description) > 20
    assert metric(model.metric).task == model.task
    assert model.owner.startswith("team:") or "@" in model.owner
    assert not set(model.tables) & set(model.optional_tables)


def test_outcome_has_the_columns_of_its_task(fitted: Fitted) -> None:
    outcome = fitted.test.outcome
    assert outcome is not None
    assert tuple(outcome.columns) == OUTCOME_COLUMNS[fitted.model.task]
    assert not outcome.isna().any().any()
    assert len(outcome) > 50


def test_prediction_has_the_columns_and_types_of_its_task(fitted: Fitted) -> None:
    prediction = fitted.prediction
    assert tuple(prediction.columns) == PREDICTION_COLUMNS[fitted.model.task]
    for name in prediction.columns:
        if name in DTYPES:
            assert prediction[name].dtype == DTYPES[name]
        elif name != "reasons":
            assert all(isinstance(value, str) for value in prediction[name])
    key = ["user_id", "rank"] if "rank" in prediction.columns else ["user_id"]
    assert not prediction.duplicated(key).any()
    assert list(prediction.index) == list(range(len(prediction)))


def test_reasons_are_one_to_three_texts(fitted: Fitted) -> None:
    for reasons in fitted.prediction["reasons"]:
        assert type(reasons) is list
        assert 1 <= len(reasons) <= 3
        assert len(set(reasons)) == len(reasons)
        assert all(isinstance(text, str) and text.strip() and "{" not in text for text in reasons)


def test_every_user_of_the_outcome_is_predicted(fitted: Fitted) -> None:
    assert fitted.test.outcome is not None
    assert set(fitted.test.outcome["user_id"]) <= set(fitted.prediction["user_id"])


def test_it_beats_its_baseline_on_later_days(fitted: Fitted) -> None:
    judged = metric(fitted.model.metric)
    baseline = fitted.model.baseline(fitted.train, fitted.test)
    assert tuple(baseline.columns) == PREDICTION_COLUMNS[fitted.model.task]
    assert fitted.test.outcome is not None
    paired = judged.paired(fitted.test.outcome, fitted.prediction, baseline)
    assert judged.gain(paired.difference) > 0


def test_same_data_and_seed_give_the_same_bytes(fitted: Fitted) -> None:
    train, _ = snapshots(fitted.model, fitted.world)
    same_artefact(fitted.artefact, fitted.model.fit(train, fitted.model.parameters, SEED))


def test_order_of_rows_and_snapshots_changes_nothing(fitted: Fitted) -> None:
    train = [shuffled(snapshot) for snapshot in reversed(fitted.train)]
    same_artefact(fitted.artefact, fitted.model.fit(train, fitted.model.parameters, SEED))
    same(fitted.prediction, fitted.model.predict(fitted.artefact, shuffled(fitted.test)))


def test_renamed_shoppers_are_learned_and_predicted_alike(fitted: Fitted) -> None:
    users = fitted.world.users()
    new_name = dict(zip(users, [f"shopper {9999 - number}" for number in range(len(users))], strict=True))
    train, test = snapshots(fitted.model, fitted.world.only(new_name))
    artefact = fitted.model.fit(train, fitted.model.parameters, SEED)
    same_artefact(fitted.artefact, artefact)
    renamed = fitted.prediction.assign(user_id=fitted.prediction["user_id"].map(new_name).astype("str"))
    same(renamed, fitted.model.predict(artefact, test))


def test_other_shoppers_do_not_change_a_prediction(fitted: Fitted) -> None:
    half = fitted.world.users()[::2]
    alone = fitted.world.only({user: user for user in half}).snapshot(fitted.test.as_of)
    among_all = fitted.prediction[fitted.prediction["user_id"].isin(half)]
    same(among_all, fitted.model.predict(fitted.artefact, alone))


def test_one_shopper_is_enough_to_predict(fitted: Fitted) -> None:
    user = fitted.prediction["user_id"].iloc[0]
    alone = fitted.world.only({user: user}).snapshot(fitted.test.as_of)
    same(fitted.prediction[fitted.prediction["user_id"] == user], fitted.model.predict(fitted.artefact, alone))


def test_nobody_to_predict_gives_an_empty_table(fitted: Fitted) -> None:
    nobody = fitted.model.predict(fitted.artefact, fitted.world.only({}).snapshot(fitted.test.as_of))
    assert nobody.empty
    assert tuple(nobody.columns) == PREDICTION_COLUMNS[fitted.model.task]


def test_new_shoppers_and_new_items_are_predicted(fitted: Fitted) -> None:
    as_of = fitted.test.as_of
    newcomer = pd.DataFrame(
        {
            "user_id": ["newcomer"], "item_id": ["never seen"], "ts": [as_of - timedelta(days=2)], "amount": [12.5],
            "bill_id": ["b-new"], "quantity": [1.0], "is_return": [False],
        }
    )  # fmt: skip
    old = fitted.world
    columns = list(old.bills.columns)
    grown = World(pd.concat([old.bills, newcomer[columns]]), pd.concat([old.line_items, newcomer]), old.items)
    prediction = fitted.model.predict(fitted.artefact, grown.snapshot(as_of))
    assert "newcomer" in set(prediction["user_id"])
    same(fitted.prediction, prediction[prediction["user_id"] != "newcomer"])


def test_anonymous_and_returned_sales_change_nothing(fitted: Fitted) -> None:
    as_of, old = fitted.test.as_of, fitted.world
    extra = old.line_items[old.line_items["ts"] < as_of].tail(40).assign(ts=as_of - timedelta(hours=1))
    anonymous = extra.assign(user_id=None, bill_id="anonymous")
    returned = extra.assign(is_return=True, quantity=-1.0, amount=-extra["amount"], bill_id="returned")
    lines = pd.concat([old.line_items, anonymous, returned])
    bills = pd.concat([old.bills, anonymous[old.bills.columns], returned[old.bills.columns]])
    noisy = replace(World(bills, lines, old.items).snapshot(as_of), features=features(old.bills, as_of))
    same(fitted.prediction, fitted.model.predict(fitted.artefact, noisy))


def test_artefact_survives_storage(fitted: Fitted) -> None:
    artefact = fitted.artefact
    facts = json.loads(json.dumps(artefact.facts))
    assert facts == artefact.facts
    stored = Artefact(
        files={name: bytes(content) for name, content in artefact.files.items()},
        columns=tuple(json.loads(json.dumps(artefact.columns))),
        facts=facts,
    )
    pd.testing.assert_frame_equal(fitted.prediction, fitted.model.predict(stored, fitted.test))


def test_artefact_holds_nothing_executable(fitted: Fitted) -> None:
    for name, content in fitted.artefact.files.items():
        parts = {name: content}
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                parts = {entry: archive.read(entry) for entry in archive.namelist()}
        for part, data in parts.items():
            assert not _is_pickle(data), f"{part} of {name} is a pickle"
            if part.endswith(".npy"):
                assert b"'descr': '|O'" not in data[:200], f"{part} of {name} holds objects"


def _is_pickle(data: bytes) -> bool:
    try:
        return any(operation.name == "STOP" for operation, _, _ in pickletools.genops(data))
    except Exception:
        return False


def test_predict_changes_nothing(fitted: Fitted) -> None:
    features = fitted.test.features.copy(deep=True)
    artefact = copy.deepcopy(fitted.artefact)
    state = copy.deepcopy(vars(fitted.model))
    again = fitted.model.predict(fitted.artefact, fitted.test)
    pd.testing.assert_frame_equal(features, fitted.test.features)
    assert artefact == fitted.artefact
    assert vars(fitted.model) == state
    pd.testing.assert_frame_equal(fitted.prediction, again)


def test_it_can_be_fitted_on_one_snapshot(fitted: Fitted) -> None:
    artefact = fitted.model.fit(fitted.train[-1:], fitted.model.parameters, SEED)
    prediction = fitted.model.predict(artefact, fitted.test)
    assert set(prediction["user_id"]) == set(fitted.prediction["user_id"])


def test_outcome_counts_the_window_alone(fitted: Fitted) -> None:
    """Sales after the window, and of shoppers who were not there before it, are no part of the outcome."""
    small, model, as_of = fitted.world, fitted.model, fitted.test.as_of
    end = as_of + timedelta(days=model.horizon_days)
    cut = World(
        small.bills[small.bills["ts"] < end], small.line_items[small.line_items["ts"] < end], small.items
    ).snapshot(as_of, model)
    pd.testing.assert_frame_equal(fitted.test.outcome, cut.outcome)
    assert cut.outcome is not None
    known = set(small.bills.loc[small.bills["ts"] < as_of, "user_id"])
    assert set(cut.outcome["user_id"]) <= known


def test_before_the_first_sale_there_is_nothing_to_learn(fitted: Fitted) -> None:
    empty = fitted.world.snapshot(datetime(2022, 6, 1), fitted.model)
    assert empty.as_of < START
    with pytest.raises(ValueError, match=r"acme|rows"):
        fitted.model.fit([empty], fitted.model.parameters, SEED)
