"""demand_forecast: how many pieces of each item each store will sell in each of the next four weeks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from capflow_assets.contract.model import Artefact, Model, Needs, NothingToLearnError, Promotion, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.methods import demand
from capflow_assets.methods.ensemble.learners.trees import REPEATABLE
from capflow_assets.models.bases.prediction_frame import prediction_frame

if TYPE_CHECKING:
    import ibis
    import lightgbm
    import numpy as np
    import pandas as pd

WEEKS = 4
MOST_SERIES = 20_000
BASELINE_WEEKS = 8
LEAST_WEEKS_FOR_SEASON = 65  # with fewer, the week of the year only identifies the one time it was seen
OBJECTIVES: Mapping[str, str] = {"value": "regression_l1", "expected": "poisson"}
LONG_PAUSE_WEEKS = 4
ORDINALS = ("1st", "2nd", "3rd", "4th")


class DemandForecast(Model):
    """Forecast the pieces sold of each item in each store in each of the next four weeks, without returns.

    Covers the 20,000 pairs of item and store that sold most in the last 26 weeks. One global LightGBM model learns from
    weekly lags, rolling means, prices and the season, each scaled by the series' own level; the week ahead is a
    feature. `value` is the median, which minimises the mean absolute error: near 0 for intermittent demand.
    `expected` is the mean: add it up for totals of a store, a category or a month.

    Not built on statsforecast, which refits each series at every prediction and so leaves nothing to keep as a version,
    nor on mlforecast, whose saved models are pickles; benchmarks/demand.py compares. Weeks are UTC.
    """

    name = "demand_forecast"
    title = "Demand, next 4 weeks"
    description = "How many pieces of each item each store will sell in each of the next four weeks."
    family = "demand"
    method = "one gradient boosting model for all series (M5: Makridakis et al. 2022; Januschowski et al. 2022)"
    task: ClassVar[Task] = "regression"
    unit = ("item_id", "store_id", "week")
    extras: ClassVar[Mapping[str, str]] = {
        "expected": "The expected number of pieces (the mean): add these up for totals."
    }
    tables = ("line_items",)
    optional_tables = ("items",)
    needs = Needs(users=0, bills=500, history_days=180, items=3)
    horizon_days = 28
    metric = "mae"
    baseline_name = "the mean of the last 8 weeks"
    promotion = Promotion(over_baseline=0.0, tolerance=0.01)
    parameters: ClassVar[Mapping[str, Any]] = {
        "learning_rate": 0.05,
        "num_leaves": 31,
        "trees": 200,
        "feature_fraction": 0.7,
        "min_data_in_leaf": 50,
        "lambda_l2": 1.0,
        "past_dates": 10,
        "most_rows": 200_000,
    }
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {
        "learning_rate": (0.03, 0.05, 0.1),
        "num_leaves": (15, 31, 63),
        "feature_fraction": (0.5, 0.7, 0.9),
    }

    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return `value`: pieces sold in each of four weeks, per item and store that sold in the 26 weeks before."""
        chosen = demand.top_series(snapshot.tables["line_items"], snapshot.as_of, MOST_SERIES)
        units = chosen.merge(_weeks(), how="cross")
        sold = demand.weekly_outcome(window["line_items"], snapshot.as_of)
        outcome = units.merge(sold, on=list(self.unit), how="left")
        return outcome.assign(value=outcome["value"].fillna(0.0))

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit on the outcomes of the snapshots, and on those of earlier dates that the oldest snapshot covers."""
        import numpy as np

        ordered = sorted(train, key=lambda snapshot: snapshot.as_of)
        dates = len(ordered) + parameters["past_dates"]
        least = parameters["most_rows"] // (dates * WEEKS)
        chance = np.random.default_rng(seed)
        parts = []
        for snapshot in reversed(ordered):
            oldest = snapshot is ordered[0]
            past = parameters["past_dates"] if oldest else 0
            panel = _panel(snapshot, demand.POPULATION_WEEKS + WEEKS * past)
            if snapshot is ordered[-1]:
                season = panel.known >= LEAST_WEEKS_FOR_SEASON
            parts.append(_examples(panel, _pieces_sold(panel, snapshot), 0, least, season, chance))
            for back in range(WEEKS, WEEKS * past + 1, WEEKS):
                if panel.known - back >= demand.POPULATION_WEEKS // 2:
                    came = panel.pieces[:, back - WEEKS : back][:, ::-1]
                    parts.append(_examples(panel, came, back, least, season, chance))
        matrix, sold, level = (np.concatenate(part) for part in zip(*parts, strict=True))
        if not len(matrix):
            latest = ordered[-1]
            raise NothingToLearnError(
                f"line_items for {latest.customer!r} hold no sale in the 26 weeks before {latest.as_of}."
            )
        return Artefact(
            files={f"{name}.txt": _grow(matrix, sold, level, name, parameters, seed) for name in OBJECTIVES},
            facts={"season": bool(season), "rows": len(matrix), "sold_per_row": float(sold.mean())},
        )

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `value` and `expected` for the next four weeks, per item and store that sold in the last 26 weeks."""
        panel = _panel(snapshot)
        matrix = _coming_weeks(panel, artefact)
        return prediction_frame(self, {**self._forecast(artefact, panel, matrix), "reasons": _reasons(panel, matrix)})

    def predict_quickly(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Predict without reasons."""
        panel = _panel(snapshot)
        return prediction_frame(self, self._forecast(artefact, panel, _coming_weeks(panel, artefact)))

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict the mean of the last eight weeks for each of the four."""
        panel = _panel(snapshot)
        mean = panel.pieces[:, : min(BASELINE_WEEKS, max(panel.known, 1))].mean(axis=1)
        rows = panel.names.merge(_weeks(), how="cross")
        value = mean.repeat(WEEKS)
        return prediction_frame(self, {**{name: rows[name] for name in self.unit}, "value": value, "expected": value})

    def _forecast(self, artefact: Artefact, panel: demand.DemandPanel, matrix: np.ndarray) -> dict[str, Any]:
        import lightgbm
        import numpy as np

        rows = panel.names.merge(_weeks(), how="cross")
        columns: dict[str, Any] = {name: rows[name] for name in self.unit}
        for name in OBJECTIVES:
            booster = lightgbm.Booster(model_str=artefact.files[f"{name}.txt"].decode())
            multiple = np.asarray(booster.predict(matrix, num_threads=1)) if len(rows) else np.zeros(0)
            columns[name] = np.maximum(multiple, 0.0) * demand.level(panel).repeat(WEEKS)
        return columns


def _coming_weeks(panel: demand.DemandPanel, artefact: Artefact) -> np.ndarray:
    """Return the features of each series and week ahead, in the row order of the prediction."""
    import numpy as np

    weeks = [demand.features(panel, ahead, season=artefact.facts["season"]) for ahead in range(1, WEEKS + 1)]
    return np.stack(weeks, axis=1).reshape(-1, len(demand.FEATURES))


def _weeks() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"week": range(1, WEEKS + 1)}, dtype="int64")


def _panel(snapshot: Snapshot, weeks: int = demand.POPULATION_WEEKS) -> demand.DemandPanel:
    most = MOST_SERIES if weeks == demand.POPULATION_WEEKS else 2 * MOST_SERIES
    return demand.build_panel(snapshot.tables, snapshot.as_of, most, weeks)


def _pieces_sold(panel: demand.DemandPanel, snapshot: LabelledSnapshot) -> np.ndarray:
    """Return the pieces sold in the snapshot's horizon, series x weeks; NaN for series not in its outcome."""
    weeks = list(range(1, WEEKS + 1))
    wide = snapshot.outcome.pivot(index=demand.SERIES, columns="week", values="value").reindex(columns=weeks)
    return panel.names.merge(wide.reset_index(), on=demand.SERIES, how="left")[weeks].to_numpy(dtype="float64")


def _examples(
    panel: demand.DemandPanel, came: np.ndarray, back: int, most: int, season: bool, chance: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return features, pieces sold and level of a sample of `most` series, `back` weeks before the panel's date."""
    import numpy as np

    found = np.flatnonzero(panel.alive(back) & np.isfinite(came).all(axis=1))
    chosen = np.sort(chance.permutation(found)[:most])
    few = panel.rows(chosen)
    matrix = [demand.features(few, ahead, back, season) for ahead in range(1, WEEKS + 1)]
    return np.concatenate(matrix), came[chosen].T.ravel(), np.tile(demand.level(few, back), WEEKS)


def _grow(
    matrix: np.ndarray, sold: np.ndarray, level: np.ndarray, name: str, parameters: Mapping[str, Any], seed: int
) -> bytes:
    """Fit a booster of sales as multiples of the series' level, weighted by the level: errors then count in pieces."""
    import lightgbm

    settings = {
        "objective": OBJECTIVES[name],
        **REPEATABLE,
        "seed": seed,
        "bagging_freq": 1,
        "bagging_fraction": 0.8,
        "min_data_in_leaf": max(2, min(parameters["min_data_in_leaf"], len(sold) // 20)),
    }
    settings |= {key: parameters[key] for key in ("learning_rate", "num_leaves", "feature_fraction", "lambda_l2")}
    rows: lightgbm.Dataset = lightgbm.Dataset(matrix, sold / level, weight=level, params={"verbosity": -1})
    return lightgbm.train(settings, rows, num_boost_round=parameters["trees"]).model_to_string().encode()


def _reasons(panel: demand.DemandPanel, matrix: np.ndarray) -> list[list[str]]:
    """Return recent sales, the week ahead, and what stands out: a pause, the year before, or the price."""
    import numpy as np

    columns = dict(zip(demand.FEATURES, matrix.T, strict=True))
    level = demand.level(panel).repeat(WEEKS)
    recent = np.where(np.isnan(columns["mean_8"]), 1.0, columns["mean_8"]) * level
    rows = zip(
        recent.tolist(), columns["ahead"].tolist(), columns["weeks_since_sale"].tolist(),
        (columns["year_ago"] * level).tolist(), columns["price_now_to_usual"].tolist(), strict=True,
    )  # fmt: skip
    return [
        [
            f"sold {number(mean)} a week recently",
            f"{ORDINALS[int(ahead) - 1]} week ahead",
            *_standing_out(pause, year_ago, price),
        ]
        for mean, ahead, pause, year_ago, price in rows
    ]


def _standing_out(pause: float, year_ago: float, price: float) -> list[str]:
    if pause >= LONG_PAUSE_WEEKS:
        return [f"none sold for {pause:.0f} weeks"]
    if year_ago == year_ago:  # a year of history: not NaN
        return [f"sold {number(year_ago)} a week at this time last year"]
    if abs(price - 1.0) >= 0.1:
        return [f"price at {price:.0%} of its half-year level"]
    return []


def number(pieces: float) -> str:
    """Format pieces for people: 0.25, 3.5, 12, 1,204."""
    return f"{pieces:,.0f}" if pieces >= 9.95 else f"{pieces:.2g}"
