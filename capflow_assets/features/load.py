"""A model's view of one customer as of a date: features, tables cut at the date, and what came true after it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import NotAvailable
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot, drop_labels
from capflow_assets.features.snapshot_reuse import whole_dates
from capflow_assets.features.snapshots import cut_before, cut_window
from capflow_assets.run.catalogue import feature_sets
from capflow_assets.run.customer_run import DERIVED, CustomerRun

if TYPE_CHECKING:
    import ibis
    import pandas as pd


def load_snapshot(run: CustomerRun, model: Model, as_of: datetime) -> Snapshot:
    """What the model may know as of a date: the snapshot without its outcome, and without labels to be learned."""
    return _known(run, model, as_of)[0]


def load_labelled_snapshot(run: CustomerRun, model: Model, as_of: datetime) -> LabelledSnapshot:
    """The snapshot with what came true in the horizon after it, or with the labels that are known as of the date."""
    if model.learns_from == "labels":
        snapshot, tables = _known(run, model, as_of)
        return snapshot.with_outcome(model.outcome(snapshot, tables))
    return load_snapshot(run, model, as_of).with_outcome(load_outcome(run, model, as_of))


def load_outcome(run: CustomerRun, model: Model, as_of: datetime) -> pd.DataFrame:
    """What users did in the horizon after a date, whether or not there are features as of it."""
    import pandas as pd

    sources = _sources(run, model)
    end = as_of + timedelta(days=model.horizon_days)
    whole = whole_dates(run, (as_of, end))
    seen, after = cut_before(sources, as_of, as_of in whole), cut_window(sources, as_of, end, end in whole)
    snapshot = Snapshot(run.name, as_of, pd.DataFrame(), {table: seen[table] for table in _named(run, model)})
    return model.outcome(snapshot, {table: after[table] for table in _named(run, model)})


def data_versions(run: CustomerRun, model: Model) -> dict[str, int]:
    """The version of every table that the model reads."""
    names = [f"features/{chosen}" for chosen in model.features]
    names += [f"validated/{table}" for table in _read(run, model)]
    return {name: number for name in names if (number := run.number(name)) is not None}


def load_snapshot_dates(run: CustomerRun, model: Model) -> list[datetime]:
    """The dates of the past that the model's feature sets were computed for, the newest first."""
    dates: set[datetime] | None = None
    for chosen in model.features:
        version = run.version(f"features/{chosen}")
        if version is None:
            raise NotAvailable(f"features/{chosen} was never materialised for '{run.name}'")
        if "dates" not in version.facts:  # an embedding: what an item is like has no date
            continue
        found = {datetime.fromisoformat(date) for date in version.facts["dates"]}
        dates = found if dates is None else dates & found
    return sorted(dates or (), reverse=True)


def _known(run: CustomerRun, model: Model, as_of: datetime) -> tuple[Snapshot, dict[str, ibis.Table]]:
    """The snapshot as the model sees it, and its tables with their labels."""
    from_labels = model.learns_from == "labels"
    whole = as_of in whole_dates(run, (as_of,))
    cut = cut_before(_sources(run, model), as_of, whole, undated=("reviews",) if from_labels else ())
    tables = {table: cut[table] for table in _named(run, model)}
    seen = (drop_labels(tables) if from_labels else tables) | _pairs(run, model, as_of)
    return Snapshot(run.name, as_of, _features(run, model, as_of, cut), seen), tables


def _named(run: CustomerRun, model: Model) -> list[str]:
    available = set(run.tables())
    return [*model.tables, *(table for table in model.optional_tables if table in available)]


def _sources(run: CustomerRun, model: Model) -> dict[str, ibis.Table]:
    return {name: run.read(f"validated/{name}") for name in _read(run, model)}


def _read(run: CustomerRun, model: Model) -> list[str]:
    """The validated tables that a snapshot is cut from: the model's, and the lines that tell who was there."""
    names = set(_named(run, model)) | {"line_items"}
    return sorted(names | {DERIVED[name] for name in names if name in DERIVED})


def _features(run: CustomerRun, model: Model, as_of: datetime, tables: dict[str, ibis.Table]) -> pd.DataFrame:
    """One row a user, sorted by user, so that nothing depends on the order in which an engine returns rows."""
    joined: pd.DataFrame | None = None
    for chosen in _of_users(model):
        table = run.read(f"features/{chosen}")
        frame = table.filter(table.as_of == as_of).drop("as_of").to_pandas()
        joined = frame if joined is None else joined.merge(frame, on="user_id", how="outer")
    if joined is None:
        lines = tables["line_items"]
        joined = lines.filter(lines.user_id.notnull()).select("user_id").distinct().to_pandas()
    ignored = [column for column in run.customer.ignored_features if column in joined.columns]
    return joined.drop(columns=ignored).sort_values("user_id", ignore_index=True)


def _of_users(model: Model) -> list[str]:
    sets = feature_sets()
    return [chosen for chosen in model.features if chosen in sets and sets[chosen].key == ("user_id",)]


def _pairs(run: CustomerRun, model: Model, as_of: datetime) -> dict[str, ibis.Table]:
    """The model's feature sets that have another key than the user, by asset: lazy, for they may be large."""
    chosen = [f"features/{name}" for name in model.features if name not in _of_users(model)]
    tables = {asset: run.read(asset) for asset in chosen}
    return {
        asset: table.filter(table.as_of == as_of).drop("as_of") if "as_of" in table.columns else table  # embeddings
        for asset, table in tables.items()
    }
