"""The dates and snapshots that a model of a customer is trained and tested on, or why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Blocked, NotAvailable
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.features.facts import EmbeddingFacts, FeatureSetFacts
from capflow_assets.features.load import load_labelled_snapshot, load_outcome, load_snapshot
from capflow_assets.features.snapshots import snapshot_dates
from capflow_assets.run.catalogue import embeddings
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training.search.folds import select_columns
from capflow_assets.training.split import Split, TooLittleHistoryError, split, split_labelled
from capflow_assets.validated.anchors import STEP_DAYS, anchors
from capflow_assets.validation.needs.availability import gather_facts
from capflow_assets.validation.needs.unmet import explain_unmet

if TYPE_CHECKING:
    import pandas as pd

MAX_STEPS_BACK = 3  # grid steps that the test date may move back if the latest has no outcome to test on


class TrainingDates(NamedTuple):
    """Training dates, oldest first, the test date, and its outcome if it was looked up already."""

    train: tuple[datetime, ...]
    test: datetime
    outcome: pd.DataFrame | None = None


def choose_dates(run: CustomerRun, model: Model) -> TrainingDates:
    """Return the training dates and the test date. Raises NotAvailable with what the customer's data lacks.

    A model that learns from labels is trained and tested as of now, on parts of the labelled units.
    """
    reason = _missing_libraries(model) or explain_unmet(model, gather_facts(run))
    if reason is not None:
        raise NotAvailable(f"{model.name} {reason}")
    require_current(run, model)
    as_of = run.as_of()
    if model.learns_from == "labels":
        return TrainingDates((), as_of)
    available = snapshot_dates(as_of, run.first_sale())
    latest = _split(model, as_of, available)
    if _is_usable(model, outcome := load_outcome(run, model, latest.test)):
        return TrainingDates(*latest, outcome)
    for back in range(1, MAX_STEPS_BACK + 1):  # a retailer does not send a campaign every month
        try:
            earlier = _split(model, as_of - timedelta(days=back * STEP_DAYS), available)
        except NotAvailable:
            break
        if _is_usable(model, outcome := load_outcome(run, model, earlier.test)):
            return TrainingDates(*earlier, outcome)
    raise NotAvailable(f"{model.name}: nobody to test on in the {model.horizon_days} days after {latest.test:%Y-%m-%d}")


def _missing_libraries(model: Model) -> str | None:
    missing = [library for library in model.libraries if find_spec(library) is None]
    if not missing:
        return None
    extras = ",".join(sorted({model.libraries[library] for library in missing}))
    return f"needs {' and '.join(missing)}: pip install 'capflow[{extras}]'"


def _split(model: Model, as_of: datetime, available: Sequence[datetime]) -> Split:
    try:
        return split(as_of, model.horizon_days, available)
    except TooLittleHistoryError as reason:
        raise NotAvailable(f"{model.name}: {reason}") from reason


def _is_usable(model: Model, outcome: pd.DataFrame) -> bool:
    """Return whether an outcome can be trained or tested on; not if, say, nobody was contacted."""
    if outcome.empty:
        return False
    return model.task != "uplift" or outcome["treated"].nunique() == 2


def latest_test_date(run: CustomerRun, model: Model) -> datetime | None:
    """Return the latest date whose outcome is known; None if the customer's features do not reach back to it."""
    as_of = run.as_of()
    date = next(date for date in anchors(as_of) if date + timedelta(days=model.horizon_days) <= as_of)
    return date if date in snapshot_dates(as_of, run.first_sale()) else None


def load_training_snapshots(
    run: CustomerRun, model: Model, dates: TrainingDates
) -> tuple[list[LabelledSnapshot], LabelledSnapshot]:
    """Return the training snapshots, oldest first, and the test snapshot.

    Raises NotAvailable if they hold nothing to learn from or test on, or too few of either class.
    """
    if model.learns_from == "labels":
        return _load_labelled_parts(run, model, dates.test)
    train = [load_labelled_snapshot(run, model, date) for date in dates.train]
    train = [snapshot for snapshot in train if _is_usable(model, snapshot.outcome)]
    if not train:
        days = ", ".join(f"{date:%Y-%m-%d}" for date in dates.train)
        raise NotAvailable(f"{model.name}: nothing came true after {days} that it could learn from")
    require_both_classes(run, model, train)
    if dates.outcome is None:
        return train, load_labelled_snapshot(run, model, dates.test)
    return train, load_snapshot(run, model, dates.test).with_outcome(dates.outcome)


def _load_labelled_parts(
    run: CustomerRun, model: Model, as_of: datetime
) -> tuple[list[LabelledSnapshot], LabelledSnapshot]:
    labelled = load_labelled_snapshot(run, model, as_of)
    train, test = split_labelled(model, labelled)
    for purpose, part in (("learn from", train[0]), ("test on", test)):
        if part.outcome.empty:
            raise NotAvailable(f"{model.name}: of {len(labelled.outcome):,} labelled rows none is left to {purpose}")
    labels = labelled.outcome.iloc[:, -1].unique()
    if model.task == "choice" and len(labels) < 2:
        raise NotAvailable(f"{model.name} needs at least two different labels; there is only {labels[0]!r}")
    require_both_classes(run, model, train)
    return train, test


def load_recorded_snapshots(
    run: CustomerRun, model: Model, train_dates: Sequence[datetime], columns: Sequence[str] | None
) -> list[LabelledSnapshot]:
    """Return the training snapshots of a registered version, in a run pinned to the data versions of its record."""
    if model.learns_from == "labels":
        return split_labelled(model, load_labelled_snapshot(run, model, train_dates[0]))[0]
    train = [load_labelled_snapshot(run, model, date) for date in train_dates]
    return train if columns is None else [select_columns(snapshot, columns) for snapshot in train]


def require_current(run: CustomerRun, model: Model) -> None:
    """Raise Blocked unless features are as of the run's date, and embeddings made from the current tables.

    Embeddings have no date. Raises NotAvailable for an embedding that the customer does not have.
    """
    as_of = run.as_of()
    for name in model.features:
        _require_asset_current(run, model, f"features/{name}", as_of)


def require_both_classes(run: CustomerRun, model: Model, snapshots: Sequence[LabelledSnapshot]) -> None:
    """Raise NotAvailable if a binary model has too few of either class to be trained or tested on."""
    if model.task != "binary":
        return
    labels = [label for snapshot in snapshots for label in snapshot.outcome["label"]]
    positives = int(sum(labels))
    reason = explain_unmet(model, gather_facts(run, positives, len(labels) - positives))
    if reason is not None:
        raise NotAvailable(f"{model.name} {reason}")


def _require_asset_current(run: CustomerRun, model: Model, asset: str, as_of: datetime) -> None:
    version = run.version(asset)
    if version is None and asset.split("/")[1] in embeddings():
        raise NotAvailable(f"{model.name} needs {asset}, which '{run.name}' does not have")
    facts = None if version is None else FeatureSetFacts.from_json(version.facts)
    if version is not None and facts is None:
        inputs = EmbeddingFacts.from_json(version.facts).inputs
        current = all(run.number(source) == number for source, number in inputs.items())
        expected = "made of the tables as they are now"
    else:
        current = facts is not None and facts.as_of == as_of
        expected = f"as of {as_of:%Y-%m-%d}"
    if not current:
        raise Blocked(
            f"{asset} of '{run.name}' are not {expected}: run `capflow run --customer {run.name} --model {model.name}`"
        )
