"""demand_forecast on two real retailers, beside simple rules and Nixtla's statsforecast, on the last four weeks.

    PYTHONPATH=. python benchmarks/demand.py [giftco grocerus] [--until DAYS, default 0]

The data is read from ../shared/data (or CAPFLOW_REAL_DATA): raw Parquet and the plainest cleaning (sales of goods
only). Every method knows what was sold before the last 28 days, and is asked for those four weeks of each item and
store that sold in the 26 weeks before, as the model's outcome has them: at most 20,000 series. `--until 28` moves
everything 28 days back: what was decided about the model was decided there and further back, never on the last weeks.

statsforecast is needed for this benchmark only (pip install statsforecast, Apache-2.0) and is left out where it is not
installed. Its models are fitted to the 52 weeks before, one series at a time, all of them, weeks without a sale being
0. `bias` is the sum of errors over what was sold, `WAPE` the sum of absolute errors over it; seconds are CPU seconds
of fitting and predicting everything.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from time import process_time

import ibis
import numpy as np
import pandas as pd
from machine import machine

from capflow_assets.contract.snapshot import Snapshot
from capflow_assets.methods import demand
from capflow_assets.models.demand_forecast import MOST_SERIES, WEEKS, DemandForecast

DATA = Path(os.environ.get("CAPFLOW_REAL_DATA", "../shared/data"))
NOT_GOODS = ("POST", "D", "M", "BANK CHARGES", "DOT", "C2", "S", "ADJUST", "AMAZONFEE", "TEST001")
MOST_PIECES = 1000  # of one grocery line: fuel is sold by the thousandth of a gallon
MODEL = DemandForecast()
SEED = 7

Tables = dict[str, pd.DataFrame]


def giftco() -> Tables:
    """A wholesaler's web shop: one store."""
    raw = pd.read_parquet(DATA / "giftco" / "year_2009_2010.parquet").drop_duplicates()
    kept = (raw["Quantity"] > 0) & (raw["Price"] > 0) & ~raw["StockCode"].astype(str).isin(NOT_GOODS)
    raw = raw[kept & ~raw["Invoice"].astype(str).str.startswith("C")]
    quantity = raw["Quantity"].astype(float)
    return {"line_items": _lines(raw["StockCode"], None, raw["InvoiceDate"], quantity, quantity * raw["Price"])}


def grocerus() -> Tables:
    """A grocer's sample of lines in some 270 stores."""
    raw = pd.read_parquet(DATA / "grocerus" / "transactions_sample.parquet")
    raw = raw[(raw["quantity"] > 0) & (raw["quantity"] < MOST_PIECES)]
    items = pd.read_parquet(DATA / "grocerus" / "products.parquet")
    categories = pd.DataFrame({"item_id": items["product_id"].astype(str), "category": items["department"]})
    ts, amount = raw["transaction_timestamp"], raw["sales_value"]
    return {"line_items": _lines(raw["product_id"], raw["store_id"], ts, raw["quantity"], amount), "items": categories}


def _lines(
    item: pd.Series, store: pd.Series | None, ts: pd.Series, quantity: pd.Series, amount: pd.Series
) -> pd.DataFrame:
    columns = {"item_id": item.astype(str), "ts": ts.astype("datetime64[us]"), "quantity": quantity, "amount": amount}
    stores = pd.Series("", index=item.index) if store is None else store.astype(str)
    return pd.DataFrame({**columns, "store_id": stores, "is_return": False, "user_id": None})


def snapshot(tables: Tables, as_of: datetime) -> Snapshot:
    """What was known, with what came true."""
    lines = tables["line_items"]
    known = {name: ibis.memtable(frame) for name, frame in tables.items() if name != "line_items"}
    bare = Snapshot("benchmark", as_of, pd.DataFrame(), {**known, "line_items": _table(lines[lines["ts"] < as_of])})
    end = as_of + timedelta(days=MODEL.horizon_days)
    window = _table(lines[(lines["ts"] >= as_of) & (lines["ts"] < end)])
    return bare.with_outcome(MODEL.outcome(bare, {"line_items": window}))


def _table(lines: pd.DataFrame) -> ibis.Table:
    return ibis.memtable(lines.drop(columns="user_id")).mutate(user_id=ibis.null("string"))


def ours(tables: Tables, test: Snapshot) -> tuple[pd.DataFrame, float]:
    """Trained as the platform does, on three dates 30 days apart, the latest 30 days before the test."""
    train = [snapshot(tables, test.as_of - timedelta(days=30 * back)) for back in (1, 2, 3)]
    began = process_time()
    told = MODEL.predict(MODEL.fit(train, MODEL.parameters, SEED), test)
    return told, process_time() - began


def simple(panel: demand.DemandPanel) -> dict[str, tuple[np.ndarray, float]]:
    """Series x 4 weeks by rule, in `panel` order."""
    one = np.ones((1, WEEKS))
    found = {
        "nothing is sold": 0.0 * panel.pieces[:, :1] * one,
        "naive: as last week": panel.pieces[:, :1] * one,
        "mean of 8 weeks": panel.pieces[:, :8].mean(axis=1, keepdims=True) * one,
        "mean of 26 weeks": panel.pieces[:, :26].mean(axis=1, keepdims=True) * one,
    }
    if panel.known >= demand.YEAR_WEEKS:
        found["seasonal naive: as last year"] = panel.pieces[:, demand.YEAR_WEEKS - WEEKS : demand.YEAR_WEEKS][:, ::-1]
    return {name: (told, 0.0) for name, told in found.items()}


def theirs(panel: demand.DemandPanel) -> dict[str, tuple[np.ndarray, float]]:
    """statsforecast's models, one after another, on the last 52 weeks of each series."""
    try:
        from statsforecast import StatsForecast
        from statsforecast.models import TSB, AutoETS, CrostonSBA, Theta
    except ImportError:
        print("  (statsforecast is not installed: pip install statsforecast)")
        return {}
    weeks = min(panel.known, demand.YEAR_WEEKS)
    past = panel.pieces[:, :weeks][:, ::-1]
    row, week = np.indices(past.shape)
    frame = pd.DataFrame({"unique_id": row.ravel(), "ds": week.ravel(), "y": past.ravel()})
    found = {}
    for model in (CrostonSBA(), TSB(alpha_d=0.2, alpha_p=0.2), Theta(), AutoETS()):
        began = process_time()
        forecaster = StatsForecast(models=[model], freq=1, n_jobs=1, fallback_model=CrostonSBA(alias=str(model)))
        told = forecaster.forecast(df=frame, h=WEEKS).sort_values(["unique_id", "ds"])
        value = np.maximum(told.iloc[:, -1].to_numpy(dtype=float), 0.0).reshape(-1, WEEKS)
        found[f"statsforecast {model}"] = (value, process_time() - began)
    return found


def show(name: str, truth: np.ndarray, told: np.ndarray, seconds: float) -> None:
    """One line of the table."""
    error, sold = told - truth, truth.sum()
    wape, bias = np.abs(error).sum() / sold, error.sum() / sold
    print(f"  {name:32} {np.abs(error).mean():9.4f} {wape:8.3f} {bias:+8.3f} {seconds:9.1f}", flush=True)


def measure(name: str, read: Callable[[], Tables], until: int) -> None:
    """Every method on one retailer."""
    tables = read()
    end = tables["line_items"]["ts"].max().normalize() + timedelta(days=1 - until)
    test = snapshot(tables, end.to_pydatetime() - timedelta(days=MODEL.horizon_days))
    panel = demand.build_panel(test.tables, test.as_of, MOST_SERIES)
    truth = test.outcome["value"].to_numpy().reshape(-1, WEEKS)
    assert (test.outcome["item_id"].to_numpy()[::WEEKS] == panel.names["item_id"].to_numpy()).all()
    told, seconds = ours(tables, test)
    found = simple(panel)
    for column in ("value", "expected"):
        found[f"demand_forecast, {column}"] = (told[column].to_numpy().reshape(-1, WEEKS), seconds)
    print(f"{name}: 4 weeks from {test.as_of:%Y-%m-%d}, {panel.known} weeks known, {len(truth):,} series")
    print(f"  {'':32} {'MAE':>9} {'WAPE':>8} {'bias':>8} {'seconds':>9}")
    for method, (value, cost) in (found | theirs(panel)).items():
        show(method, truth, value, cost)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asked = argparse.ArgumentParser()
    asked.add_argument("retailers", nargs="*", default=["giftco", "grocerus"])
    asked.add_argument("--until", type=int, default=0)
    options = asked.parse_args()
    print(machine())
    for chosen in options.retailers:
        measure(chosen, {"giftco": giftco, "grocerus": grocerus}[chosen], options.until)
