"""Our value models on CDNOW: beside the published numbers, and beside each other on what nobody had seen.

    PYTHONPATH=. python benchmarks/published_value.py [folder of the data]

First the published sample (Fader & Hardie): parameters, likelihoods and the holdout of 39 weeks. Then all 23,570
shoppers: what they spend in the 90 days from 1 April 1998, told by their own past rate, by `cltv` (fitted on the visits
before that day) and by `cltv_learned` (fitted on the spend of the two spans of 90 days before it, from features/rfm and
features/rhythm of the same transactions). Nothing was tuned on those 90 days.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from machine import machine, peak_mib
from row import row

from capflow_assets.run.catalogue import feature_sets

if TYPE_CHECKING:
    import pandas as pd

    from capflow_assets.contract.model import Model
    from capflow_assets.contract.snapshot import Snapshot

ROOT = Path(__file__).resolve().parents[1]
CALIBRATED = datetime(1997, 10, 1)
TEST = datetime(1998, 4, 1)
TRAIN = (TEST - timedelta(days=180), TEST - timedelta(days=90))
BG_NBD = "Fader, Hardie & Lee 2005; CLVTools tests"
GAMMA_GAMMA = "Fader & Hardie 2013; lifetimes, CLVTools tests"
REFERENCE = "reference run in the data's README"


def published(folder: Path) -> None:
    """Each published number of the sample beside ours."""
    import numpy as np
    import pandas as pd

    from capflow_assets.methods.lifetime import bgnbd, gamma_gamma

    told = pd.read_parquet(folder / "cdnow_customers_summary_with_transactions.parquet")
    x, last, age = (told[name].to_numpy(dtype=float) for name in ("x", "t_x", "T"))
    began = perf_counter()
    process = bgnbd.fit(x, last, age)
    first = perf_counter() - began
    rows: list[tuple[str, float, float | None, float, str, float]] = [
        (f"BG/NBD {name}", getattr(process, name), None, number, BG_NBD, first)
        for name, number in (("r", 0.243), ("alpha", 4.414), ("a", 0.793), ("b", 2.426))
    ]
    rows.append(("BG/NBD log-likelihood", bgnbd.log_likelihood(process, x, last, age), None, -9582.43, BG_NBD, first))

    began = perf_counter()
    expected = bgnbd.predict_purchases(process, 39.0, x, last, age)
    second = perf_counter() - began
    actual, rate = holdout(folder, told), x / age * 39.0
    for name, ours, theirs, number in (
        ("holdout visits (actual 1,882)", expected.sum(), rate.sum(), 1653.0),
        ("holdout MAE", np.abs(actual - expected).mean(), np.abs(actual - rate).mean(), 0.785),
        ("holdout RMSE", ((actual - expected) ** 2).mean() ** 0.5, ((actual - rate) ** 2).mean() ** 0.5, 1.608),
        ("holdout r", np.corrcoef(actual, expected)[0, 1], np.corrcoef(actual, rate)[0, 1], 0.626),
    ):
        rows.append((name, float(ours), float(theirs), number, REFERENCE, second))

    again = told["x"] > 0
    visits, spend = x[again], told.loc[again, "zbar"].to_numpy(dtype=float)
    began = perf_counter()
    fitted = gamma_gamma.fit(visits, spend)
    third = perf_counter() - began
    for name, number in (("p", 6.25), ("q", 3.74), ("v", 15.44)):
        rows.append((f"Gamma-Gamma {name}", getattr(fitted, name), None, number, GAMMA_GAMMA, third))
    likelihood = gamma_gamma.log_likelihood(fitted, visits, spend)
    rows.append(("Gamma-Gamma log-likelihood", likelihood, None, -4055.92, GAMMA_GAMMA, third))

    print(
        f"\nCDNOW sample: {len(told):,} shoppers, 39 weeks and 39 weeks; baseline: each one's own rate of repeat visits"
    )
    print("| what | ours | baseline | published | source | seconds |\n|---|---|---|---|---|---|")
    for name, ours, baseline, number, source, seconds in rows:
        beside = "" if baseline is None else f"{baseline:,.3f}"
        print(f"| {name} | {ours:,.3f} | {beside} | {number:,.3f} | {source} | {seconds:.2f} |")
        row("cltv", f"CDNOW sample, {name}", f"{ours:,.3f}", beside, f"{number:,.3f}", source)


def holdout(folder: Path, told: pd.DataFrame) -> Any:
    """The days of purchase of each shopper of the sample in the second 39 weeks, in the order of the summary."""
    import pandas as pd

    sample = pd.read_parquet(folder / "CDNOW_sample.parquet")
    days = sample[sample["date"] >= CALIBRATED].drop_duplicates(["sample_id", "date"])
    counts = days.groupby(days["sample_id"].astype("int64")).size()
    every = sorted(sample["sample_id"].astype("int64").unique())
    assert len(every) == len(told)
    return counts.reindex(every, fill_value=0).to_numpy(dtype=float)


def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """The master file as CapFlow's own tables: a bill and a line for each transaction."""
    import pandas as pd

    master = pd.read_parquet(folder / "CDNOW_master.parquet")
    lines = pd.DataFrame(
        {
            "bill_id": [f"b{number}" for number in range(len(master))],
            "user_id": master["customer_id"].astype("int64").map("{:05d}".format),
            "item_id": "cd",
            "ts": master["date"],
            "quantity": master["cds"].astype("float64"),
            "amount": master["amount"],
            "discount": None,
            "store_id": None,
            "channel": "online",
            "is_return": False,
        }
    ).astype({"discount": "float64", "store_id": "str"})
    return {"line_items": lines, "bills": lines.assign(line_item_count=1)}


def snapshot(frames: dict[str, pd.DataFrame], as_of: datetime, model: Model) -> Snapshot:
    """What was known on a day, and what was spent in the 90 days from it."""

    import ibis

    from capflow_assets.contract.snapshot import Snapshot

    end = as_of + timedelta(days=model.horizon_days)
    seen = {name: ibis.memtable(frame[frame["ts"] < as_of].reset_index(drop=True)) for name, frame in frames.items()}
    later = {
        name: ibis.memtable(frame[(frame["ts"] >= as_of) & (frame["ts"] < end)].reset_index(drop=True))
        for name, frame in frames.items()
    }
    rfm, rhythm = (feature_sets()[name].build(seen, as_of).execute() for name in ("rfm", "rhythm"))
    features = rfm.merge(rhythm, on="user_id", how="outer").sort_values("user_id", ignore_index=True)
    known = Snapshot("cdnow", as_of, features, {"bills": seen["bills"]})
    return known.with_outcome(model.outcome(known, later))


def compared(folder: Path) -> None:
    """The next 90 days of all shoppers by each way to tell them."""
    from capflow_assets.models.cltv import Cltv
    from capflow_assets.models.cltv_learned import CltvLearned
    from capflow_assets.training.evaluation.metrics import metric

    frames = tables(folder)
    learned, process, gini = CltvLearned(), Cltv(), metric("spend_gini")
    past, test = [snapshot(frames, date, learned) for date in TRAIN], snapshot(frames, TEST, learned)
    answers, seconds = {"baseline: own past rate": learned.baseline(past, test)}, {"baseline: own past rate": 0.0}
    for model in (process, learned):
        began = perf_counter()
        train = [test] if model is process else past  # cltv reads the visits before the day, and no outcome
        answers[model.name] = model.predict_quickly(model.fit(train, model.parameters, 7), test)
        seconds[model.name] = perf_counter() - began
    answers["nothing, for everybody"] = answers["cltv"].assign(value=0.0)
    value = test.outcome.set_index("user_id")["value"]
    print(
        f"\nCDNOW master: {len(value):,} shoppers, spend of the {learned.horizon_days} days from {TEST:%Y-%m-%d}; "
        f"{(value > 0).mean():.1%} spend anything, {value.sum():,.0f} in all"
    )
    print("| model | order of the spend (Gini), 95 % | total, predicted / actual | MAE | RMSE | seconds |")
    print("|---|---|---|---|---|---|")
    for name, answer in answers.items():
        told = answer.set_index("user_id")["value"].reindex(value.index)
        found = gini.evaluate(test.outcome, answer)
        print(
            f"| {name} | {found.value:.4f} ({found.low:.3f} to {found.high:.3f}) | {told.sum() / value.sum():.2f} "
            f"| {(told - value).abs().mean():.3f} | {((told - value) ** 2).mean() ** 0.5:.2f} "
            f"| {seconds.get(name, 0.0):.1f} |"
        )
    beside = gini.value(test.outcome, answers["baseline: own past rate"])
    for model in (process, learned):
        ours = gini.evaluate(test.outcome, answers[model.name])
        interval = f"{ours.value:.4f} [{ours.low:.3f}, {ours.high:.3f}]"
        row(model.name, "CDNOW master, 90 days, Gini of spend", interval, f"{beside:.4f}", "none found", "")
    paired = gini.compare_paired(test.outcome, answers["cltv_learned"], answers["cltv"])
    print(f"Gini of cltv_learned less that of cltv: {paired.difference:+.4f} ± {paired.standard_error:.4f}")


def main() -> None:
    """Both tables, and the machine."""
    folder = (Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data") / "cdnow"
    published(folder)
    compared(folder)
    print(f"\n{machine()}; peak {peak_mib():,.0f} MiB")


if __name__ == "__main__":
    main()
