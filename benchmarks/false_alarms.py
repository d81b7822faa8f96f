"""How often a clean retailer's day is blocked or warned of by its own history, and whether real accidents are caught.

    python benchmarks/false_alarms.py [tune|real]

Clean: retailers of every vertical, small and large, over two and three years; every day of the last year is judged as
if it were the last, by the bands that a report uses (an item's usual price alone is known from all three years).
Caught: each defect of the simulator is put into the last days of retailers cut at several dates, and each day from its
first one on is judged. Rows that do not pass the audit and KPIs of the whole history count as well, as in a report.
The constants of capflow_assets/validation/history were chosen on the seeds of `tune`; what is printed without it comes
from other seeds. `real` judges every day of giftco, grocerus and vendcafe, whose truth nobody knows, in the same way.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from machine import machine, peak_mib

from capflow_assets.run.catalogue import tables as canonical_tables

if TYPE_CHECKING:
    import ibis
    import pandas as pd

    from capflow_assets.validation.history.learned_bands import LearnedBands

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"food_and_beverage": (300, 2000), "fashion": (1500, 6000), "footwear": (2500, 8000)}
CLEAN_DAYS = (730, 1095)
YEAR = 365
START = date(2023, 1, 1)
TUNING, REPORTING = (101, 102), (1, 2, 3)
CUTS = {"food_and_beverage": date(2024, 10, 16), "fashion": date(2024, 12, 16), "footwear": date(2024, 7, 16)}
SPOILT_DAYS = {"truncated_day": 1, "duplicated_day": 1, "till_tests": 1, "stuck_feed": 2, "day_missing": 2,
               "returns_as_sales": 28, "day_and_month_swapped": 15}  # fmt: skip
WHOLE = ("future_dates", "negative_prices", "text_dates")  # these hit a share of all rows
A_WEEK = 7


@dataclass(frozen=True)
class Catch:
    """What became of one defect in one retailer: block, warning or nothing, by whom, and after how many days."""

    how: str
    by: str
    days: int


def tables(lines: pd.DataFrame) -> tuple[ibis.Table, int, int]:
    """Line items as a report reads them, with how many rows there were and how many failed the audit."""
    import ibis

    from capflow_assets.validated.audit.audit import audit_table
    from capflow_assets.validated.tables import clean
    from partitions.customer import ColumnMapping, TableMapping

    names = ("bill_id", "user_id", "item_id", "ts", "quantity", "unit_price", "discount", "store_id", "channel",
             "is_return")  # fmt: skip
    con = ibis.duckdb.connect(threads=2)
    con.con.register("raw", lines[list(names)])
    con.con.execute("create table loaded as select * from raw")
    mapping = TableMapping("line_items", "s", {name: ColumnMapping((name,)) for name in names})
    cleaned = clean("line_items", con.table("loaded"), mapping, "UTC").cache()
    result = audit_table(cleaned, canonical_tables()["line_items"], set(names), {})
    return result.accepted.cache(), result.rows, result.set_aside


def seen(line_items: ibis.Table, as_of: datetime = datetime(2100, 1, 1)) -> LearnedBands:
    """Every day of a retailer with its bands."""
    from capflow_assets.validation.history.daily_panel import build_daily_panel
    from capflow_assets.validation.history.learned_bands import learn_bands

    panel = build_daily_panel(line_items, as_of, "UTC")
    assert panel is not None
    return learn_bands(panel)


def simulated(vertical: str, users: int, days: int, seed: int) -> pd.DataFrame:
    """A clean retailer's line items."""
    from capflow_assets.simulator import Retailer, simulate

    return simulate(Retailer("shop", vertical, users, START, days, seed)).line_items


def clean_days(seeds: tuple[int, ...]) -> Iterator[tuple[str, int, int, LearnedBands]]:
    """Each clean retailer: vertical, users, days, and its bands."""
    for seed in seeds:
        for vertical, sizes in SIZES.items():
            for users in sizes:
                for days in CLEAN_DAYS:
                    lines = simulated(vertical, users * days // 730, days, seed)
                    yield vertical, users, days, seen(tables(lines)[0])


def false_alarms(seeds: tuple[int, ...]) -> None:
    """Print blocks and warnings per 100 daily verdicts; the interval is over retailers, as days are not independent."""
    rates: dict[str, list[tuple[float, float]]] = defaultdict(list)
    culprits: Counter[tuple[str, str]] = Counter()
    for vertical, users, _, found in clean_days(seeds):
        days = slice(-YEAR, None)
        shares = []
        for severe in (True, False):
            alarms = {name: found.alarms(name, severe)[days] for name in found.bands}
            for name, days_of in alarms.items():
                culprits["block" if severe else "warning", name] += int(days_of.sum())
            shares.append(float(np.any(list(alarms.values()), axis=0).mean()))
        rates[f"{vertical}, {users:,} users"].append((shares[0], shares[1]))
        rates["all"].append((shares[0], shares[1]))
    print("| clean retailers | daily verdicts | blocks per 100 (95 % interval) | warnings per 100 |")
    print("|---|---|---|---|")
    for name, found_rates in rates.items():
        both = 100 * np.array(found_rates)
        low, high = _interval(both[:, 0])
        print(
            f"| {name} | {YEAR * len(both):,} | {both[:, 0].mean():.2f} ({low:.2f} to {high:.2f}) "
            f"| {both[:, 1].mean():.1f} |"
        )
    worst = ", ".join(f"{kind} {name} {count}" for (kind, name), count in culprits.most_common(12) if count)
    print(f"\nFigures behind them, by days: {worst}\n")


def _interval(values: np.ndarray) -> tuple[float, float]:
    """95 % by a bootstrap over retailers."""
    random = np.random.default_rng(0)
    means = random.choice(values, (2000, len(values))).mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def caught(name: str, clean: pd.DataFrame, cut: date) -> Catch:
    """What the daily verdicts say of a retailer whose data goes wrong a week before `cut` (SPOILT_DAYS)."""
    import pandas as pd

    from capflow_assets.simulator import DEFECTS

    lines = clean[clean["ts"] < pd.Timestamp(cut)].reset_index(drop=True)
    days = SPOILT_DAYS.get(name, A_WEEK)
    random = np.random.default_rng(7)
    spoilt = DEFECTS[name](lines, random) if name in WHOLE else DEFECTS[name](lines, random, days=days)
    accepted, rows, set_aside = tables(spoilt)
    if set_aside > 0.01 * rows:
        return Catch("block", "audit of rows", 0)
    found = seen(accepted, datetime(cut.year, cut.month, cut.day))
    first = (cut - timedelta(days=days) - found.panel.first_day).days
    for severe in (True, False):
        for day in range(max(first, 0), found.panel.days):
            names = [figure for figure in found.bands if found.alarms(figure, severe)[day]]
            if names:
                return Catch("block" if severe else "warning", names[0], day - first)
        if kpi := _kpi(accepted, cut, severe):
            return Catch("block" if severe else "warning", kpi, days)
    return Catch("nothing", "", 0)


def _kpi(accepted: ibis.Table, cut: date, severe: bool) -> str:
    """The KPI of the whole history that blocks (warns), if one does."""
    from capflow_assets.validated.tables import derive_bills
    from capflow_assets.validation.bounds import find_kpis
    from capflow_assets.validation.kpis.kpis import measure_kpis
    from partitions.customer import Customer

    customer = Customer("shop", "retail", "EUR", "UTC", {}, {})
    now = datetime(cut.year, cut.month, cut.day)
    values: dict[str, Any] = measure_kpis(accepted, derive_bills(accepted).cache(), now, now=True)
    wrong = (one for one in find_kpis(values, customer) if not one.passed and one.blocks == severe)
    return next((one.kpi for one in wrong), "")


def defects(seed: int) -> None:
    """Print what became of each defect."""
    from capflow_assets.simulator import DEFECTS

    worlds = {vertical: simulated(vertical, sizes[1], 730, seed) for vertical, sizes in SIZES.items()}
    print("| defect | blocked | warned | missed | days until (most) | caught by |")
    print("|---|---|---|---|---|---|")
    for name in DEFECTS:
        catches = [caught(name, world, CUTS[vertical]) for vertical, world in worlds.items()]
        how = Counter(catch.how for catch in catches)
        by = ", ".join(who for who, _ in Counter(c.by for c in catches if c.by).most_common(3))
        days = max((c.days for c in catches if c.how != "nothing"), default=0)
        print(f"| {name} | {how['block']} | {how['warning']} | {how['nothing']} | {days} | {by} |", flush=True)


def real() -> None:
    """Print on how many days each real retailer would have been blocked or warned of, and by which figures."""
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.run.pipeline import run_customer
    from capflow_assets.validation.history.daily_panel import build_daily_panel
    from capflow_assets.validation.history.learned_bands import learn_bands
    from capflow_resources.home import Home

    os.environ.setdefault("CAPFLOW_REAL_DATA", str(ROOT.parent / "shared" / "data"))
    print("| retailer | days | blocked | warned | by days |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(folder)
        shutil.copytree(ROOT / "tests" / "customers", home.customers_folder, ignore=shutil.ignore_patterns("*.py"))
        for name in home.customer_names():
            run = CustomerRun(home, name)
            list(run_customer(run, ["raw/line_items", "validated/line_items"]))
            panel = build_daily_panel(run.read("validated/line_items"), datetime(2100, 1, 1), run.customer.timezone)
            assert panel is not None
            found = learn_bands(panel)
            days, by = {}, []
            for kind, severe in (("block", True), ("warning", False)):
                alarms = {figure: found.alarms(figure, severe) for figure in found.bands}
                days[kind] = int(np.any(list(alarms.values()), axis=0).sum())
                by += [f"{kind} {figure} {int(on.sum())}" for figure, on in alarms.items() if on.any()]
            print(f"| {name} | {panel.days} | {days['block']} | {days['warning']} | {', '.join(by)} |")


def main() -> None:
    """Print both tables, or the one of the real retailers."""
    if sys.argv[1:] == ["real"]:
        real()
        return
    seeds = TUNING if sys.argv[1:] == ["tune"] else REPORTING
    false_alarms(seeds)
    defects(seeds[0])
    print(f"\n{machine()}; peak {peak_mib():,.0f} MiB")


if __name__ == "__main__":
    main()
