"""The conformance suite: what every model must satisfy, whatever it predicts."""

from __future__ import annotations

import copy
import io
import json
import pickletools
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.conformance.fitted import Fitted, assert_same_artefact, assert_same_prediction, shuffle, snapshots
from capflow_assets.conformance.limits import FIT_BYTES, FIT_SECONDS, MIB
from capflow_assets.conformance.synthetic_shop import START, features
from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.training.evaluation.metrics import metric

if TYPE_CHECKING:
    import pandas as pd

Check = Callable[[Fitted], None]
"""A check raises AssertionError with the reason."""
DTYPES = {"score": "float64", "value": "float64", "rank": "int64", "week": "int64"}
LEAST_OUTCOMES = 20
NAMED_BY_TEXT = ("store_id", "channel", "offer", "category")


def says_what_it_is(fitted: Fitted) -> None:
    """Check that the model has a name, a description, an owner, and a metric of its task."""
    model = fitted.model
    assert model.name.isidentifier(), f"{model.name!r} is not an identifier"
    assert model.name == model.name.lower(), f"{model.name!r} has capital letters"
    assert len(model.description) > 20, "the description is too short to tell anybody anything"
    assert metric(model.metric).task == model.task, f"{model.metric} cannot judge a {model.task} model"
    assert model.owner.startswith("team:") or "@" in model.owner, f"owner {model.owner!r}: a team: or an address"
    assert not set(model.tables) & set(model.optional_tables), "a table is both needed and optional"
    unknown = set(model.search_space) - set(model.parameters)
    assert not unknown, f"search_space names {', '.join(sorted(unknown))}, no parameter of the model"


def outcome_has_its_columns(fitted: Fitted) -> None:
    """Check that the outcome has the columns of its task, without nulls."""
    _same_columns(fitted.outcome, fitted.model.outcome_columns)
    assert not fitted.outcome.isna().any().any(), "the outcome has gaps"
    assert len(fitted.outcome) >= LEAST_OUTCOMES, f"the outcome has {len(fitted.outcome)} rows"


def prediction_has_its_columns(fitted: Fitted) -> None:
    """Check that the prediction has the columns and types of its task, and one row per unit."""
    prediction, model = fitted.prediction, fitted.model
    _same_columns(prediction, model.prediction_columns)
    for name in prediction.columns:
        if name in DTYPES or name in model.extras:
            dtype = DTYPES.get(name, "float64")
            assert prediction[name].dtype == dtype, f"{name} is {prediction[name].dtype}, not {dtype}"
        elif name != "reasons":
            assert all(isinstance(value, str) for value in prediction[name]), f"{name} is not all text"
    assert not prediction.duplicated(model.key).any(), f"{', '.join(model.key)} come twice"
    assert list(prediction.index) == list(range(len(prediction))), "the index does not count from 0"


def reasons_are_one_to_three_texts(fitted: Fitted) -> None:
    """Check that every row has one to three different reasons without placeholders."""
    for reasons in fitted.prediction["reasons"]:
        assert type(reasons) is list, f"reasons are a {type(reasons).__name__}"
        assert 1 <= len(reasons) <= 3, f"{len(reasons)} reasons: {reasons}"
        assert len(set(reasons)) == len(reasons), f"a reason comes twice: {reasons}"
        assert all(isinstance(text, str) and text.strip() and "{" not in text for text in reasons), reasons


def all_of_the_outcome_is_predicted(fitted: Fitted) -> None:
    """Check that every unit of the outcome was predicted."""
    units = list(fitted.model.unit)
    predicted = set(fitted.prediction[units].itertuples(index=False, name=None))
    expected = set(fitted.outcome[units].itertuples(index=False, name=None))
    missing = sorted(expected - predicted)
    assert not missing, f"{len(missing)} units have no prediction, as {missing[0]}"


def beats_its_baseline(fitted: Fitted) -> None:
    """Check that the model beats its baseline on the test snapshot."""
    evaluator, model = metric(fitted.model.metric), fitted.model
    baseline = model.baseline(fitted.train, fitted.test)
    _same_columns(baseline, model.prediction_columns)
    paired = evaluator.compare_paired(fitted.outcome, fitted.prediction, baseline)
    assert evaluator.gain(paired.difference) > 0, (
        f"{model.metric} {evaluator.value(fitted.outcome, fitted.prediction):.4f}, "
        f"baseline {evaluator.value(fitted.outcome, baseline):.4f}"
    )


def its_rule_needs_nothing_learned(fitted: Fitted) -> None:
    """Check that the baseline of a model with `has_rule` is the same without training snapshots."""
    if not fitted.model.has_rule:
        return
    learned = fitted.model.baseline(fitted.train, fitted.test)
    assert_same_prediction(fitted.model, learned, fitted.model.baseline([], fitted.test))


def quick_prediction_is_that_of_predict(fitted: Fitted) -> None:
    """Check that predict_quickly gives what predict gives, reasons aside."""
    quick = fitted.model.predict_quickly(fitted.artefact, fitted.test)
    assert_same_prediction(fitted.model, fitted.prediction.drop(columns="reasons"), quick.drop(columns="reasons"))


def same_seed_same_bytes(fitted: Fitted) -> None:
    """Check that the same data and seed give the same artefact, byte by byte."""
    if fitted.is_invariant:
        return
    train, _ = snapshots(fitted.model, fitted.shop)
    assert_same_artefact(fitted.artefact, fitted.fit(train))


def order_changes_nothing(fitted: Fitted) -> None:
    """Check that the order of rows and of snapshots changes neither the artefact nor the prediction."""
    if not fitted.is_invariant:
        assert_same_artefact(fitted.artefact, fitted.fit([shuffle(snapshot) for snapshot in reversed(fitted.train)]))
    assert_same_prediction(fitted.model, fitted.prediction, fitted.model.predict(fitted.artefact, shuffle(fitted.test)))


def names_of_shoppers_change_nothing(fitted: Fitted) -> None:
    """Check that renaming the shoppers changes neither the artefact nor, names aside, the prediction."""
    if not fitted.of_users():
        return
    new_name = fitted.new_names()
    train, test = snapshots(fitted.model, fitted.shop.only(new_name))
    if not fitted.is_invariant:
        assert_same_artefact(fitted.artefact, fitted.fit(train))
    renamed = fitted.prediction.assign(user_id=fitted.prediction["user_id"].map(new_name).astype("str"))
    assert_same_prediction(fitted.model, renamed, fitted.model.predict(fitted.artefact, test))


def other_shoppers_change_nothing(fitted: Fitted) -> None:
    """Check that a prediction does not depend on who else is in the batch; one shopper is enough."""
    if not fitted.of_users():
        return
    for users in (fitted.shop.users()[::2], [fitted.prediction["user_id"].iloc[0]]):
        alone = fitted.shop.only({user: user for user in users}).snapshot(fitted.test.as_of)
        among_all = fitted.prediction[fitted.prediction["user_id"].isin(users)]
        assert_same_prediction(fitted.model, among_all, fitted.model.predict(fitted.artefact, alone))


def nobody_gives_an_empty_table(fitted: Fitted) -> None:
    """Check that predicting for nobody gives an empty table with all columns, and no error."""
    shop = fitted.shop.only({})
    sets = {name: frame.iloc[:0] for name, frame in shop.sets.items()}
    empty = replace(shop, frames={name: frame.iloc[:0] for name, frame in shop.frames.items()}, sets=sets)
    nobody = fitted.model.predict(fitted.artefact, empty.snapshot(fitted.test.as_of))
    assert nobody.empty, f"{len(nobody)} rows"
    _same_columns(nobody, fitted.model.prediction_columns)


def one_row_is_enough_to_predict(fitted: Fitted) -> None:
    """Check that one shopper with one recent purchase of one item can be predicted."""
    as_of, frames = fitted.test.as_of, fitted.shop.frames
    bill = frames["bills"][frames["bills"]["ts"] < as_of].sort_values(["ts", "bill_id"]).iloc[-1:]
    line = frames["line_items"][frames["line_items"]["bill_id"].isin(bill["bill_id"])].iloc[:1]
    user = bill["user_id"].iloc[0]
    alone = fitted.shop.only({user: user}).with_tables(bills=bill.assign(line_item_count=1), line_items=line)
    prediction = fitted.model.predict(fitted.artefact, alone.snapshot(as_of))
    _same_columns(prediction, fitted.model.prediction_columns)
    if fitted.of_users() and user in set(fitted.prediction["user_id"]):
        assert len(prediction) > 0, "the one shopper was not predicted"


def unseen_categories_do_no_harm(fitted: Fitted) -> None:
    """Check that unseen categories (store, channel, category, a text feature) are predicted all the same."""
    import numpy as np

    model, as_of = fitted.model, fitted.test.as_of
    strange = {
        name: frame.assign(**{column: "never seen" for column in NAMED_BY_TEXT if column in frame.columns})
        for name, frame in fitted.shop.frames.items()
    }
    elsewhere = model.predict(fitted.artefact, replace(fitted.shop, frames=strange).snapshot(as_of))
    _same_columns(elsewhere, model.prediction_columns)
    for name in elsewhere.select_dtypes("number").columns:
        assert np.isfinite(elsewhere[name]).all(), f"{name} has gaps where the categories are new"
    if fitted.of_users():
        _same_shoppers(fitted.prediction, elsewhere)
    if not model.features:
        return
    artefact = fitted.fit([_with_text(snapshot, ("red", "blue")) for snapshot in fitted.train])
    prediction = model.predict(artefact, _with_text(fitted.test, ("red", "never seen", None)))
    if fitted.of_users():
        _same_shoppers(fitted.prediction, prediction)


def _same_columns(frame: pd.DataFrame, wanted: tuple[str, ...]) -> None:
    assert tuple(frame.columns) == wanted, f"columns {', '.join(frame.columns)}, not {', '.join(wanted)}"


def _with_text(snapshot: LabelledSnapshot, values: tuple[str | None, ...]) -> LabelledSnapshot:
    """Return the snapshot with one more feature, a text that cycles through `values`."""
    import pandas as pd

    index = snapshot.features.index
    texts = pd.Series([values[number % len(values)] for number in range(len(index))], index=index, dtype="object")
    return replace(snapshot, features=snapshot.features.assign(a_text_feature=texts))


def _same_shoppers(first: pd.DataFrame, second: pd.DataFrame) -> None:
    lost = set(first["user_id"]) - set(second["user_id"])
    assert not lost, f"{len(lost)} shoppers are no longer predicted, as {min(lost)}"


def newcomers_are_predicted(fitted: Fitted) -> None:
    """Check that an unseen shopper with an unseen item is predicted, and the others as before."""
    import pandas as pd

    if not fitted.of_users():
        return
    as_of, frames = fitted.test.as_of, fitted.shop.frames
    newcomer = (
        frames["line_items"]
        .iloc[:1]
        .assign(user_id="newcomer", item_id="never seen", ts=as_of - timedelta(days=2), amount=12.5, bill_id="b-new")
    )
    bill = (
        frames["bills"]
        .iloc[:1]
        .assign(user_id="newcomer", ts=as_of - timedelta(days=2), amount=12.5, bill_id="b-new", line_item_count=1)
    )
    grown = fitted.shop.with_tables(
        line_items=pd.concat([frames["line_items"], newcomer]), bills=pd.concat([frames["bills"], bill])
    )
    prediction = fitted.model.predict(fitted.artefact, grown.snapshot(as_of))
    assert "newcomer" in set(prediction["user_id"]), "the newcomer was not predicted"
    assert_same_prediction(fitted.model, fitted.prediction, prediction[prediction["user_id"] != "newcomer"])


def anonymous_sales_change_nothing(fitted: Fitted) -> None:
    """Check that anonymous and returned sales change no prediction of shoppers."""
    import pandas as pd

    if not fitted.of_users():
        return
    as_of, frames = fitted.test.as_of, fitted.shop.frames
    lines, bills = frames["line_items"], frames["bills"]
    extra = lines[(lines["ts"] < as_of) & ~lines["is_return"]].tail(40).assign(ts=as_of - timedelta(hours=1))
    parts = [extra.assign(user_id=None, bill_id="anonymous")]
    if not fitted.model.counts_returns:
        parts.append(extra.assign(is_return=True, quantity=-1.0, amount=-extra["amount"], bill_id="returned"))
    more = pd.concat([lines, *parts])
    more_bills = pd.concat([bills, *(part.assign(line_item_count=1)[list(bills.columns)] for part in parts)])
    noisy = replace(
        fitted.shop.with_tables(line_items=more, bills=more_bills).snapshot(as_of), features=features(frames, as_of)
    )
    assert_same_prediction(fitted.model, fitted.prediction, fitted.model.predict(fitted.artefact, noisy))


def survives_storage(fitted: Fitted) -> None:
    """Check that the stored and loaded artefact predicts the same to the last bit."""
    import pandas as pd

    artefact = fitted.artefact
    facts = json.loads(json.dumps(artefact.facts))
    assert facts == artefact.facts, "the facts are other facts after JSON"
    stored = Artefact(
        files={name: bytes(content) for name, content in artefact.files.items()},
        columns=tuple(json.loads(json.dumps(artefact.columns))),
        facts=facts,
    )
    pd.testing.assert_frame_equal(fitted.prediction, fitted.model.predict(stored, fitted.test))


def holds_nothing_executable(fitted: Fitted) -> None:
    """Check that no file of the artefact is, or contains, a pickle or Python objects."""
    for name, content in fitted.artefact.files.items():
        parts = {name: content}
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                parts = {entry: archive.read(entry) for entry in archive.namelist()}
        for part, data in parts.items():
            assert not _is_pickle(data), f"{part} of {name} is a pickle"
            if part.endswith(".npy"):
                assert b"'descr': '|O'" not in data[:200], f"{part} of {name} holds objects"


def predict_changes_nothing(fitted: Fitted) -> None:
    """Check that predicting changes neither the model, nor the artefact, nor the features."""
    import pandas as pd

    before = fitted.test.features.copy(deep=True)
    artefact, state = copy.deepcopy(fitted.artefact), copy.deepcopy(vars(fitted.model))
    again = fitted.model.predict(fitted.artefact, fitted.test)
    pd.testing.assert_frame_equal(before, fitted.test.features)
    assert artefact == fitted.artefact, "the artefact has changed"
    assert vars(fitted.model) == state, "the model keeps state"
    pd.testing.assert_frame_equal(fitted.prediction, again)


def one_snapshot_is_enough(fitted: Fitted) -> None:
    """Check that the model can be fitted on a single past date."""
    artefact = fitted.fit(fitted.train[-1:])
    prediction = fitted.model.predict(artefact, fitted.test)
    units = list(fitted.model.unit)
    one, all_dates = (set(frame[units].itertuples(index=False)) for frame in (prediction, fitted.prediction))
    assert one == all_dates, f"{len(one ^ all_dates)} units are predicted by only one of both fits"


def missing_columns_are_named(fitted: Fitted) -> None:
    """Check that a missing feature is an error that names it, not a wrong prediction."""
    if not fitted.artefact.columns:
        return
    gone = fitted.artefact.columns[0]
    poorer = replace(fitted.test, features=fitted.test.features.drop(columns=gone))
    try:
        fitted.model.predict(fitted.artefact, poorer)
    except ValueError as error:
        assert gone in str(error), f"the error does not name {gone}: {error}"  # noqa: PT017 - no pytest here
    else:
        raise AssertionError(f"predicted without {gone}, on which it was fitted")


def outcome_counts_the_window_alone(fitted: Fitted) -> None:
    """Check that the outcome ignores what happens after the horizon, and shoppers first seen after the snapshot."""
    import pandas as pd

    model, as_of, frames = fitted.model, fitted.test.as_of, fitted.shop.frames
    if model.learns_from == "labels":
        return
    end = as_of + timedelta(days=model.horizon_days)
    timed = {"bills": "ts", "line_items": "ts", "contacts": "sent_at", "reviews": "ts"}
    cut = {name: frames[name][frames[name][column] < end] for name, column in timed.items() if name in frames}
    outcome = fitted.shop.with_tables(**cut).labelled_snapshot(as_of, model).outcome
    pd.testing.assert_frame_equal(fitted.outcome, outcome)
    if fitted.of_users():
        bills = frames["bills"]
        late = set(outcome["user_id"]) - set(bills.loc[bills["ts"] < as_of, "user_id"])
        assert not late, f"{len(late)} shoppers of the outcome came after {as_of}"


def nothing_to_learn_is_an_error(fitted: Fitted) -> None:
    """Check that fitting before the first sale raises an error that names the customer."""
    early = datetime(2022, 6, 1)
    assert early < START
    shop = replace(fitted.shop, sets={name: frame.iloc[:0] for name, frame in fitted.shop.sets.items()})
    if fitted.model.learns_from == "labels":
        shop = replace(shop, frames={name: frame.iloc[:0] for name, frame in shop.frames.items()})
    try:
        fitted.fit([shop.labelled_snapshot(early, fitted.model)])
    except ValueError as error:
        assert "acme" in str(error), f"the error does not name the customer: {error}"  # noqa: PT017 - no pytest here
    else:
        raise AssertionError("was fitted on nothing")


def fits_in_time(fitted: Fitted) -> None:
    """Check that a fit in the synthetic shop takes less than a minute of processor time."""
    assert fitted.cost.seconds < FIT_SECONDS, (
        f"fit took {fitted.cost.seconds:.1f} CPU-seconds; the limit is {FIT_SECONDS:.0f}"
    )


def fits_in_memory(fitted: Fitted) -> None:
    """Check that a fit in the synthetic shop takes less than 2 GiB of memory."""
    assert fitted.cost.grown_bytes < FIT_BYTES, (
        f"fit took {fitted.cost.grown_bytes / MIB:,.0f} MiB; the limit is {FIT_BYTES / MIB:,.0f} MiB"
    )


def _is_pickle(data: bytes) -> bool:
    try:
        return any(operation.name == "STOP" for operation, _, _ in pickletools.genops(data))
    except Exception:
        return False


CHECKS: tuple[Check, ...] = (
    says_what_it_is, outcome_has_its_columns, prediction_has_its_columns, reasons_are_one_to_three_texts,
    all_of_the_outcome_is_predicted, beats_its_baseline, its_rule_needs_nothing_learned,
    quick_prediction_is_that_of_predict, same_seed_same_bytes, order_changes_nothing, names_of_shoppers_change_nothing,
    other_shoppers_change_nothing, nobody_gives_an_empty_table, one_row_is_enough_to_predict,
    newcomers_are_predicted, unseen_categories_do_no_harm, anonymous_sales_change_nothing, survives_storage,
    holds_nothing_executable, predict_changes_nothing, one_snapshot_is_enough, missing_columns_are_named,
    outcome_counts_the_window_alone, nothing_to_learn_is_an_error, fits_in_time, fits_in_memory,
)  # fmt: skip
