"""What a model of a customer learns from and is judged on, or why there is nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import Blocked, NotAvailable
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.features.load import load_labelled_snapshot, load_outcome, load_snapshot
from capflow_assets.features.snapshots import snapshot_dates
from capflow_assets.run.catalogue import embeddings
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training.search.folds import select_columns
from capflow_assets.training.split import Split, TooLittleHistoryError, split, split_labelled
from capflow_assets.validated.anchors import STEP_DAYS, anchors
from capflow_assets.validation.facts import facts_of
from capflow_assets.validation.needs import unmet

if TYPE_CHECKING:
    import pandas as pd

MOST_BACK = 3  # steps of the grid that the test date may lie earlier, where nothing came true after the latest


class TrainingDates(NamedTuple):
    """Training dates, oldest first, the test date, and what came true after it where that was looked up already."""

    train: tuple[datetime, ...]
    test: datetime
    outcome: pd.DataFrame | None = None


def choose_dates(run: CustomerRun, model: Model) -> TrainingDates:
    """The dates to learn from and to be judged on; NotAvailable says what the customer's data lacks.

    A model that learns from labels does both as of now, on parts of the labelled units.
    """
    reason = _not_installed(model) or unmet(model, facts_of(run))
    if reason is not None:
        raise NotAvailable(f"{model.name} {reason}")
    require_current(run, model)
    as_of = run.as_of()
    if model.learns_from == "labels":
        return TrainingDates((), as_of)
    available = snapshot_dates(as_of, run.first_sale())
    latest = _split(model, as_of, available)
    if _tells(model, outcome := load_outcome(run, model, latest.test)):
        return TrainingDates(*latest, outcome)
    for back in range(1, MOST_BACK + 1):  # a retailer does not send a campaign every month
        try:
            earlier = _split(model, as_of - timedelta(days=back * STEP_DAYS), available)
        except NotAvailable:
            break
        if _tells(model, outcome := load_outcome(run, model, earlier.test)):
            return TrainingDates(*earlier, outcome)
    raise NotAvailable(f"{model.name}: nobody to test on in the {model.horizon_days} days after {latest.test:%Y-%m-%d}")


def _not_installed(model: Model) -> str | None:
    missing = [library for library in model.libraries if find_spec(library) is None]
    if not missing:
        return None
    extras = ",".join(sorted({model.libraries[library] for library in missing}))
    return f"needs {' and '.join(missing)}: pip install 'capflow[{extras}]'"


def _split(model: Model, as_of: datetime, available: Sequence[datetime]) -> Split:
    try:
        return split(as_of, model.horizon_days, available)
    except TooLittleHistoryError as reason_in_words:
        raise NotAvailable(f"{model.name}: {reason_in_words}") from reason_in_words


def _tells(model: Model, outcome: pd.DataFrame) -> bool:
    """Whether a date has something to learn from, or to be judged by: not where nobody was contacted, say."""
    if outcome.empty:
        return False
    return model.task != "uplift" or outcome["treated"].nunique() == 2


def latest_test_date(run: CustomerRun, model: Model) -> datetime | None:
    """The latest date whose outcome is known, None where the customer's features do not reach back to it."""
    as_of = run.as_of()
    date = next(date for date in anchors(as_of) if date + timedelta(days=model.horizon_days) <= as_of)
    return date if date in snapshot_dates(as_of, run.first_sale()) else None


def load_training_snapshots(
    run: CustomerRun, model: Model, chosen: TrainingDates
) -> tuple[list[LabelledSnapshot], LabelledSnapshot]:
    """What the model learns from, and what it is judged on."""
    if model.learns_from == "time":
        past = [load_labelled_snapshot(run, model, date) for date in chosen.train]
        past = [snapshot for snapshot in past if _tells(model, snapshot.outcome)]
        if not past:
            days = ", ".join(f"{date:%Y-%m-%d}" for date in chosen.train)
            raise NotAvailable(f"{model.name}: nothing came true after {days} that it could learn from")
        require_both_classes(run, model, past)
        if chosen.outcome is None:
            return past, load_labelled_snapshot(run, model, chosen.test)
        return past, load_snapshot(run, model, chosen.test).with_outcome(chosen.outcome)
    labelled = load_labelled_snapshot(run, model, chosen.test)
    past, test = split_labelled(model, labelled)
    for purpose, part in (("learn from", past[0]), ("test on", test)):
        if part.outcome.empty:
            raise NotAvailable(f"{model.name}: of {len(labelled.outcome):,} labelled rows none is left to {purpose}")
    told = labelled.outcome.iloc[:, -1].unique()
    if model.task == "choice" and len(told) < 2:
        raise NotAvailable(f"{model.name} needs two different labels at least; there is only {told[0]!r}")
    require_both_classes(run, model, past)
    return past, test


def load_recorded_snapshots(
    run: CustomerRun, model: Model, train_dates: Sequence[str], columns: Sequence[str] | None
) -> list[LabelledSnapshot]:
    """What a version was fitted on, by its record, in a run that is pinned to the data of then."""
    moments = [datetime.fromisoformat(date) for date in train_dates]
    if model.learns_from == "labels":
        return split_labelled(model, load_labelled_snapshot(run, model, moments[0]))[0]
    past = [load_labelled_snapshot(run, model, date) for date in moments]
    return past if columns is None else [select_columns(snapshot, columns) for snapshot in past]


def require_current(run: CustomerRun, model: Model) -> None:
    """Blocked unless features are as of the run's date, and embeddings (which have none) made of the tables of now."""
    as_of = run.as_of()
    for chosen in model.features:
        _require_current(run, model, f"features/{chosen}", as_of)


def require_both_classes(run: CustomerRun, model: Model, past: Sequence[LabelledSnapshot]) -> None:
    """NotAvailable where a binary model has too few of either kind in what it is to learn from or be judged on."""
    if model.task != "binary":
        return
    labels = [label for snapshot in past for label in snapshot.outcome["label"]]
    positives = int(sum(labels))
    reason = unmet(model, facts_of(run, positives, len(labels) - positives))
    if reason is not None:
        raise NotAvailable(f"{model.name} {reason}")


def _require_current(run: CustomerRun, model: Model, asset: str, as_of: datetime) -> None:
    version = run.version(asset)
    if version is None and asset.split("/")[1] in embeddings():
        raise NotAvailable(f"{model.name} needs {asset}, which '{run.name}' does not have")
    if version is not None and "as_of" not in version.facts:
        current = all(run.number(source) == number for source, number in version.facts["inputs"].items())
        wanted = "made of the tables as they are now"
    else:
        current = version is not None and version.facts["as_of"] == as_of.isoformat()
        wanted = f"as of {as_of:%Y-%m-%d}"
    if not current:
        raise Blocked(
            f"{asset} of '{run.name}' are not {wanted}: run `capflow run --customer {run.name} --model {model.name}`"
        )
