"""Leakage is impossible: rows at and after T change no feature, no outcome before T, no model and no prediction."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import plan, until
from capflow_resources.home import Home

T = datetime(2026, 8, 1)
LAYERS = ("features", "prediction")
MODELS = ("churn", "cltv", "product_affinity", "rfm_segments", "campaign_response")
TIMES = {"orders": "OrderedAt", "messages": "SentAt"}


def world(home: Home, name: str, layer: str = "performance") -> dict[str, object]:
    """Everything that a run as of T makes: the rows of each feature and prediction table, and each champion."""
    outcomes = list(run_customer(CustomerRun(home, name, as_of=T), until(layer)))
    assert not [f"{outcome.asset}: {outcome.reason}" for outcome in outcomes if outcome.stops]
    run = CustomerRun(home, name)
    tables = {
        asset: run.read(asset).drop("customer", "version").to_pandas().astype(str)
        if asset.startswith("prediction/")
        else run.read(asset).to_pandas().astype(str)
        for asset, step in plan().items()
        if step.layer in LAYERS and run.version(asset)
    }
    rows = {asset: sorted(map(tuple, table.to_numpy().tolist())) for asset, table in tables.items()}
    champions = {version.model: (version.files, version.metrics.value) for version in home.registry.champions(name)}
    return {**rows, "champions": champions}


def changed(source: Path, target: Path, seed: int, share: float) -> None:
    """The same retailer with other rows from T on: some gone, some added with other money, users, bills and times."""
    target.mkdir(parents=True)
    for file in source.glob("*.parquet"):
        frame = pd.read_parquet(file)
        time = TIMES.get(file.stem.split("_")[0])
        if time is not None:
            late = frame[frame[time] >= T]
            added = late.sample(frac=share, random_state=seed)
            added = added.assign(**{time: added[time] + timedelta(minutes=seed)})
            if file.stem.startswith("orders"):
                added = _moved(added, frame[frame[time] < T], seed)
            frame = pd.concat([frame[frame[time] < T], late.sample(frac=share, random_state=seed + 1), added])
        frame.to_parquet(target / file.name)


def _moved(added: pd.DataFrame, early: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Half of the added lines join bills that began before T, all have another price, and shoppers are dealt anew."""
    donors = (early if len(early) else added).sample(len(added), replace=True, random_state=seed)
    half = len(added) // 2
    bills = [*donors["OrderNumber"][:half], *added["OrderNumber"][half:]]
    return added.assign(OrderNumber=bills, ClientId=list(donors["ClientId"]), PiecePrice=added["PiecePrice"] * 1.5)


@pytest.fixture(scope="module")
def truth(shop_data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    home = Home(tmp_path_factory.mktemp("truth"))
    _onboard(home, shop_data["sound"])
    return world(home, "shop")


def _onboard(home: Home, data: Path) -> None:
    from capflow_assets.simulator import customer_file
    from tests.conftest import SHOP

    home.customers_folder.mkdir(parents=True, exist_ok=True)
    # What comes from T on is unlike what was before, and must not be blocked for that here.
    expected = f"expected: [{{from: {T:%Y-%m-%d}, why: other prices and bills}}]\n"
    text = customer_file(SHOP, "parquet", str(data)).replace("models: all", f"models: [{', '.join(MODELS)}]")
    (home.customers_folder / "shop.yaml").write_text(text + expected)


@settings(  # without shrinking, which would run the whole pipeline for minutes to tell no more
    max_examples=1,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 1000), share=st.floats(0.0, 1.0))
def test_rows_from_t_on_change_nothing_as_of_t(
    truth: dict[str, object],
    shop_data: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    share: float,
) -> None:
    folder = tmp_path_factory.mktemp("other")
    changed(shop_data["sound"], folder / "data", seed, share)
    home = Home(folder / "home")
    _onboard(home, folder / "data")
    other = world(home, "shop")
    assert truth.keys() == other.keys()
    for name in truth:
        assert truth[name] == other[name], f"{name} as of T changed with rows from T on"


def test_the_property_can_fail(
    truth: dict[str, object], shop_data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changing rows before T does change features, so the comparison above sees what it must see."""
    with monkeypatch.context() as patch:
        patch.setitem(globals(), "T", T - timedelta(days=30))
        changed(shop_data["sound"], tmp_path / "data", 1, 0.5)
    home = Home(tmp_path / "home")
    _onboard(home, tmp_path / "data")
    assert world(home, "shop", "features")["features/rfm"] != truth["features/rfm"]
