"""BG/NBD and Gamma-Gamma against the numbers published for the CDNOW sample (Fader & Hardie)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.methods.lifetime import bgnbd, gamma_gamma
from capflow_assets.methods.lifetime.lifetime import repeat_visits
from capflow_assets.methods.visits import last_day_before, visit_days, visit_history
from capflow_assets.models.cltv import Cltv

AS_OF = datetime(1997, 10, 1)  # the first day after 39 weeks
HOLDOUT_WEEKS = 39


@pytest.fixture(scope="module")
def summary(real_data: Path) -> pd.DataFrame:
    return pd.read_parquet(real_data / "cdnow" / "cdnow_customers_summary_with_transactions.parquet")


@pytest.fixture(scope="module")
def bills(real_data: Path) -> pd.DataFrame:
    sample = pd.read_parquet(real_data / "cdnow" / "CDNOW_sample.parquet")
    return pd.DataFrame(
        {
            "user_id": sample["sample_id"].astype("int64").map("{:05d}".format),
            "ts": sample["date"],
            "amount": sample["amount"],
            "is_return": False,
        }
    )


@pytest.fixture(scope="module")
def calibration(bills: pd.DataFrame) -> Snapshot:
    past = ibis.memtable(bills[bills["ts"] < AS_OF].reset_index(drop=True))
    return Snapshot("cdnow", AS_OF, pd.DataFrame({"user_id": []}), {"bills": past})


def arrays(summary: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, last, age = (summary[name].to_numpy(dtype=float) for name in ("x", "t_x", "T"))
    return x, last, age


def test_bgnbd_parameters_and_likelihood(summary: pd.DataFrame) -> None:
    process = bgnbd.fit(*arrays(summary))
    assert process.r == pytest.approx(0.243, abs=5e-4)
    assert process.alpha == pytest.approx(4.414, abs=5e-4)
    assert process.a == pytest.approx(0.793, abs=5e-4)
    assert process.b == pytest.approx(2.426, abs=5e-4)
    assert bgnbd.log_likelihood(process, *arrays(summary)) == pytest.approx(-9582.43, abs=5e-3)


def test_gamma_gamma_parameters_and_likelihood(summary: pd.DataFrame) -> None:
    repeat = summary[summary["x"] > 0]
    assert len(repeat) == 946
    x, z = repeat["x"].to_numpy(dtype=float), repeat["zbar"].to_numpy(dtype=float)
    spend = gamma_gamma.fit(x, z)
    assert spend.p == pytest.approx(6.25, abs=5e-3)
    assert spend.q == pytest.approx(3.74, abs=5e-3)
    assert spend.v == pytest.approx(15.44, abs=1e-2)  # published as 15.44 and as 15.45
    assert gamma_gamma.log_likelihood(spend, x, z) == pytest.approx(-4055.92, abs=5e-3)


def test_our_summary_of_the_transactions_is_the_published_one(calibration: Snapshot, summary: pd.DataFrame) -> None:
    history = visit_history(calibration.tables["bills"], AS_OF)
    x, last, age, mean_spend = repeat_visits(history, last_day_before(AS_OF))
    assert (x == summary["x"]).all()
    for ours, published in ((last, "t_x"), (age, "T"), (mean_spend, "zbar")):
        assert np.abs(ours - summary[published]).max() < 0.0051  # published with two decimals


def test_the_model_as_the_platform_runs_it_finds_the_published_numbers(calibration: Snapshot) -> None:
    facts = Cltv().fit([calibration], Cltv.parameters, seed=1).facts
    expected = {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}
    assert {name: round(value, 3) for name, value in facts["bgnbd"].items()} == expected
    assert facts["log_likelihood"] == pytest.approx(-9582.43, abs=5e-3)
    assert facts["gamma_gamma"]["p"] == pytest.approx(6.25, abs=1e-2)
    assert facts["gamma_gamma"]["q"] == pytest.approx(3.74, abs=1e-2)


def test_holdout_visits(calibration: Snapshot, bills: pd.DataFrame) -> None:
    history = visit_history(calibration.tables["bills"], AS_OF)
    x, last, age, _ = repeat_visits(history, last_day_before(AS_OF))
    expected = bgnbd.predict_purchases(bgnbd.fit(x, last, age), HOLDOUT_WEEKS, x, last, age)
    later = visit_days(ibis.memtable(bills[bills["ts"] >= AS_OF].reset_index(drop=True))).execute()
    actual = later.groupby("user_id").size().reindex(history["user_id"], fill_value=0).to_numpy()
    assert actual.sum() == 1882
    assert expected.sum() == pytest.approx(1653, abs=0.5)
    assert np.abs(actual - expected).mean() == pytest.approx(0.785, abs=5e-4)
    assert np.sqrt(((actual - expected) ** 2).mean()) == pytest.approx(1.608, abs=5e-4)
    assert np.corrcoef(actual, expected)[0, 1] == pytest.approx(0.626, abs=5e-4)


def test_it_beats_the_past_rate_of_spend_in_the_next_90_days(calibration: Snapshot, bills: pd.DataFrame) -> None:
    model = Cltv()
    window = bills[(bills["ts"] >= AS_OF) & (bills["ts"] < datetime(1997, 12, 30))].reset_index(drop=True)
    actual = model.outcome(calibration, {"bills": ibis.memtable(window)})["value"]
    ours = model.predict(model.fit([calibration], model.parameters, 1), calibration)["value"]
    theirs = model.baseline([calibration], calibration)["value"]
    assert (actual - ours).abs().mean() < 0.9 * (actual - theirs).abs().mean()
