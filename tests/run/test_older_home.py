"""A home that an older CapFlow made is read by this one: champions still predict, and nothing is lost.

tests/run/homes/ddc0d61.tar.xz was made by commit ddc0d61: a simulated retailer of 220 shoppers and 300 days, run as of
2025-12-20 and as of now with six models; churn v2 (blended) was then promoted by hand over v1 (a rule).
"""

from __future__ import annotations

import json
import tarfile
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from capflow_assets.run.catalogue import models
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import plan, upstream
from capflow_assets.run.status import list_status
from capflow_resources.home import Home

HOME = Path(__file__).parent / "homes" / "ddc0d61.tar.xz"
SHOP = "shop"
CHAMPIONS = {"churn": 2, "cltv": 1, "rfm_segments": 1, "similar_items": 1}
NOW = datetime(2026, 2, 25)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(HOME) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def home(unpacked: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("CAPFLOW_HOME", str(unpacked))
    return Home(unpacked)


def stored(run: CustomerRun, model: str) -> pd.DataFrame:
    table = run.read(f"prediction/{model}")
    frame: pd.DataFrame = table.filter(table.as_of == table.as_of.max()).to_pandas()
    return frame.drop(columns="reasons").sort_values(models()[model].key, ignore_index=True)


def test_its_champions_verdict_and_history_are_read(home: Home) -> None:
    assert {version.model: version.number for version in home.registry.champions(SHOP)} == CHAMPIONS
    rows = {row.model: row for row in list_status(home, [SHOP])}
    assert {row.data for row in rows.values()} == {"passed"}
    assert rows["churn"].predictions == 184
    assert rows["churn"].performance == "auc 0.732 of 163 users for the predictions of 2025-12-20"
    assert "1,000 rows of contacts" in rows["campaign_response"].note
    events = [(event.version, event.kind) for event in home.registry.events(SHOP, "churn")]
    assert events[-1] == (2, "promoted")
    assert {version for version, _ in events} == {1, 2}


def test_its_champions_predict_what_they_predicted(home: Home) -> None:
    before = CustomerRun(home, SHOP)
    expected = {model: stored(before, model) for model in CHAMPIONS}
    before.close()
    run = CustomerRun(home, SHOP, force=True)
    outcomes = {o.asset: o for o in run_customer(run, [f"prediction/{model}" for model in CHAMPIONS])}
    assert {o.status for o in outcomes.values()} == {"done"}, {o.asset: o.reason for o in outcomes.values()}
    for model, frame in expected.items():
        pd.testing.assert_frame_equal(stored(run, model), frame, check_exact=False, rtol=1e-9)
    run.close()


def test_its_report_and_cards_are_shown(home: Home, tmp_path: Path) -> None:
    from capflow_assets.training.card.html import as_html
    from capflow_assets.training.card.markdown import as_markdown
    from capflow_assets.training.card.store import load_card
    from capflow_assets.validation.page import publish_page

    run = CustomerRun(home, SHOP)
    page = publish_page(run)
    assert page.endswith("validation/report.html")
    assert "line_items" in (home.lake.document(SHOP, "validation/report.html") or b"").decode()
    for version in home.registry.champions(SHOP):
        card = load_card(home, version)
        assert version.model in as_markdown(card)
        assert "<html" in as_html(card)
    run.close()


def test_a_run_on_it_goes_through_and_loses_nothing(home: Home) -> None:
    versions = {model: len(home.registry.versions(SHOP, model)) for model in CHAMPIONS}
    run = CustomerRun(home, SHOP)
    outcomes = {o.asset: o for o in run_customer(run, upstream([f"performance/{model}" for model in CHAMPIONS]))}
    run.close()
    failed = {o.asset: o.reason for o in outcomes.values() if o.stops}
    assert failed == {}
    assert set(outcomes) <= set(plan())
    for model, count in versions.items():
        assert len(home.registry.versions(SHOP, model)) >= count
        assert home.registry.champion(SHOP, model) is not None
    batches = CustomerRun(home, SHOP)
    table = batches.read("prediction/churn")
    dates = table.as_of.to_pyarrow().unique().to_pylist()
    batches.close()
    assert datetime(2025, 12, 20) in dates
    assert json.loads(home.lake.document(SHOP, "validation/verdict.json") or b"{}")["status"] == "passed"
