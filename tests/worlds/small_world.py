"""A retailer small enough to be run many times, and all that a reader can see of a customer, to compare worlds by."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from capflow_assets.graph.launch import materialise
from capflow_assets.run.customer_run import REPORT, VERDICT
from capflow_assets.run.plan import upstream
from capflow_assets.simulator import Retailer, customer_file, simulate, write
from capflow_resources.home import Home

SHOP = Retailer("shop", "fashion", 200, date(2025, 5, 1), 230, seed=5, timezone="UTC")
MODELS = ("product_affinity", "rfm_segments")
YESTERDAY = datetime(2025, 11, 1)
NOT_SENT = {"raw/bills", *(f"{layer}/{table}" for layer in ("raw", "validated") for table in ("reviews", "media"))}

Seen = dict[str, Any]


def made_from(*assets: str) -> list[str]:
    """`assets` and all that they are made from, without the tables that the retailer does not send."""
    return [asset for asset in upstream(assets) if asset not in NOT_SENT]


EVERYTHING = made_from("features/rhythm", *(f"performance/{model}" for model in MODELS))
CHECKED = made_from("validation/report")


def simulated(folder: Path, **changed: Any) -> Path:
    """The retailer's files in `folder`, which is returned."""
    write(simulate(replace(SHOP, **changed)), "parquet", folder)
    return folder


def as_of_yesterday(data: Path, folder: Path) -> Path:
    """The same files with the orders before YESTERDAY only."""
    import pandas as pd

    shutil.copytree(data, folder)
    for file in folder.glob("orders_*.parquet"):
        orders = pd.read_parquet(file)
        orders[orders["OrderedAt"] < YESTERDAY].to_parquet(file)
    return folder


def on_board(home: Home, data: Path, *names: str) -> None:
    """Write customer files that ask for the small world's models and read `data`."""
    home.customers_folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        text = customer_file(replace(SHOP, name=name), "parquet", str(data))
        assert "models: all" in text
        text = text.replace("models: all", f"models: [{', '.join(MODELS)}]")
        (home.customers_folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def copied(home: Home, path: Path) -> Home:
    """The same installation at another place."""
    shutil.copytree(home.path, path)
    return Home(path)


def run(home: Home, names: Sequence[str], assets: Sequence[str], force: bool = False) -> dict[str, dict[str, str]]:
    """One Dagster run of these customers together: the status of each asset, by customer."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", "")  # put back after the run, which sets it for what it may start
        runs = materialise(home, names, assets, force=force)
    assert list(runs.values()) == [""] * len(runs), "a run broke"
    return {name: {row.asset: row.status for row in home.registry.ledger(name) if row.run_id in runs} for name in names}


def reasons(home: Home, customer: str) -> dict[str, str]:
    """What the ledger says of a customer's assets that did not get through."""
    return {row.asset: row.reason for row in home.registry.ledger(customer) if row.status in ("blocked", "failed")}


def seen(path: Path, customer: str, but: Sequence[str] = ()) -> Seen:
    """All that a reader who comes now sees of one customer: every table's rows, the documents, versions and champions.

    Whatever cannot be read, or is not what was written down about it, raises. `but` leaves assets out.
    """
    home = Home(path)
    found: Seen = {asset: _table(home, customer, asset) for asset in _assets(path, customer) if asset not in but}
    for name in (VERDICT, REPORT):
        content = home.lake.document(customer, name)
        document = None if content is None else json.loads(content)
        found[name] = {key: document[key] for key in document if key != "judged_at"} if document else None
    for model in MODELS:
        if f"model/{model}" not in but:
            found[f"model/{model}"] = _model(home, customer, model)
    home.registry.close()
    return found


def _assets(path: Path, customer: str) -> list[str]:
    folder = path / "lake" / customer
    return sorted(
        str(log.parent.relative_to(folder)) for log in folder.glob("*/*/_delta_log") if any(log.glob("*.json"))
    )


def _table(home: Home, customer: str, asset: str) -> tuple[object, ...]:
    import ibis

    version = home.lake.version(customer, asset)
    assert version is not None
    rows = home.lake.read(customer, asset, ibis.duckdb.connect(threads=1)).to_pyarrow().to_pylist()
    assert len(rows) == version.rows > 0
    text = "\n".join(sorted(map(repr, rows)))
    return version.version, version.rows, version.facts["fingerprint"], hashlib.sha256(text.encode()).hexdigest()


def _model(home: Home, customer: str, model: str) -> dict[str, object]:
    versions = home.registry.versions(customer, model)
    for version in versions:
        assert set(home.registry.load(version)) == set(version.files)  # each file proven by its checksum
    champion = home.registry.champion(customer, model)
    return {
        "versions": [(version.number, version.digest, version.metrics.value) for version in versions],
        "champion": champion and (champion.number, champion.digest),
        "events": [(event.kind, event.version, event.reason) for event in home.registry.events(customer, model)],
    }
