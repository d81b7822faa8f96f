"""A model's view of one customer as of a date: its features, its tables cut at the date, and the outcome after it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from capflow_assets.contract.model import Model
from capflow_assets.contract.outcome import NotAvailable
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot, drop_labels
from capflow_assets.features.facts import FeatureSetFacts
from capflow_assets.features.snapshot_reuse import dates_with_complete_bills
from capflow_assets.features.snapshots import cut_before, cut_window
from capflow_assets.run.catalogue import feature_sets
from capflow_assets.run.customer_run import DERIVED, CustomerRun

if TYPE_CHECKING:
    import ibis
    import pandas as pd


def load_snapshot(run: CustomerRun, model: Model, as_of: datetime) -> Snapshot:
    """Return the model's snapshot as of a date, without outcome and without labels."""
    return _load(run, model, as_of)[0]


def load_labelled_snapshot(run: CustomerRun, model: Model, as_of: datetime) -> LabelledSnapshot:
    """Return the snapshot with the outcome of the horizon after it, or with the labels known as of the date."""
    if model.learns_from == "labels":
        snapshot, tables = _load(run, model, as_of)
        return snapshot.with_outcome(model.outcome(snapshot, tables))
    return load_snapshot(run, model, as_of).with_outcome(load_outcome(run, model, as_of))


def load_outcome(run: CustomerRun, model: Model, as_of: datetime) -> pd.DataFrame:
    """Return the model's outcome in the horizon after a date; no features are needed as of it."""
    import pandas as pd

    sources = _read_sources(run, model)
    end = as_of + timedelta(days=model.horizon_days)
    complete = dates_with_complete_bills(run, (as_of, end))
    before, window = cut_before(sources, as_of, as_of in complete), cut_window(sources, as_of, end, end in complete)
    names = _table_names(run, model)
    snapshot = Snapshot(run.name, as_of, pd.DataFrame(), {table: before[table] for table in names})
    return model.outcome(snapshot, {table: window[table] for table in names})


def data_versions(run: CustomerRun, model: Model) -> dict[str, int]:
    """Return the version of every table that the model reads."""
    names = [f"features/{name}" for name in model.features]
    names += [f"validated/{table}" for table in _source_names(run, model)]
    return {name: number for name in names if (number := run.number(name)) is not None}


def load_snapshot_dates(run: CustomerRun, model: Model) -> list[datetime]:
    """Return the dates that all feature sets of the model have a snapshot of, the newest first.

    Raises NotAvailable if one of them was never materialised.
    """
    dates: set[datetime] | None = None
    for name in model.features:
        version = run.version(f"features/{name}")
        if version is None:
            raise NotAvailable(f"features/{name} was never materialised for '{run.name}'")
        facts = FeatureSetFacts.from_json(version.facts)
        if facts is not None:  # an embedding has no dates
            dates = set(facts.snapshots) if dates is None else dates & set(facts.snapshots)
    return sorted(dates or (), reverse=True)


def _load(run: CustomerRun, model: Model, as_of: datetime) -> tuple[Snapshot, dict[str, ibis.Table]]:
    """Return the snapshot as the model sees it, and its tables with their labels."""
    from_labels = model.learns_from == "labels"
    complete = as_of in dates_with_complete_bills(run, (as_of,))
    cut = cut_before(_read_sources(run, model), as_of, complete, undated=("reviews",) if from_labels else ())
    tables = {table: cut[table] for table in _table_names(run, model)}
    visible = (drop_labels(tables) if from_labels else tables) | _read_other_features(run, model, as_of)
    return Snapshot(run.name, as_of, _read_user_features(run, model, as_of, cut), visible), tables


def _table_names(run: CustomerRun, model: Model) -> list[str]:
    available = set(run.tables())
    return [*model.tables, *(table for table in model.optional_tables if table in available)]


def _source_names(run: CustomerRun, model: Model) -> list[str]:
    """Return the validated tables that a snapshot is cut from: the model's, and line_items, which hold every user."""
    names = set(_table_names(run, model)) | {"line_items"}
    return sorted(names | {DERIVED[name] for name in names if name in DERIVED})


def _read_sources(run: CustomerRun, model: Model) -> dict[str, ibis.Table]:
    return {name: run.read(f"validated/{name}") for name in _source_names(run, model)}


def _read_user_features(run: CustomerRun, model: Model, as_of: datetime, tables: dict[str, ibis.Table]) -> pd.DataFrame:
    """Return one row per user, sorted by user_id so that the engine's row order does not matter."""
    joined: pd.DataFrame | None = None
    for name in _user_sets(model):
        table = run.read(f"features/{name}")
        frame = table.filter(table.as_of == as_of).drop("as_of").to_pandas()
        joined = frame if joined is None else joined.merge(frame, on="user_id", how="outer")
    if joined is None:
        lines = tables["line_items"]
        joined = lines.filter(lines.user_id.notnull()).select("user_id").distinct().to_pandas()
    ignored = [column for column in run.customer.ignored_features if column in joined.columns]
    return joined.drop(columns=ignored).sort_values("user_id", ignore_index=True)


def _user_sets(model: Model) -> list[str]:
    sets = feature_sets()
    return [name for name in model.features if name in sets and sets[name].key == ("user_id",)]


def _read_other_features(run: CustomerRun, model: Model, as_of: datetime) -> dict[str, ibis.Table]:
    """Return the model's feature sets with another key than the user, by asset; lazy, because they may be large."""
    assets = [f"features/{name}" for name in model.features if name not in _user_sets(model)]
    tables = {asset: run.read(asset) for asset in assets}
    return {
        asset: table.filter(table.as_of == as_of).drop("as_of") if "as_of" in table.columns else table  # embeddings
        for asset, table in tables.items()
    }
