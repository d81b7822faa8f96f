"""What is delivered: the champion's batch, made anew when another version is champion, and nothing that is broken."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from capflow_assets.run.catalogue import models
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.home import Home
from tests.worlds.predicted import EARLY, MODEL, run

ASSET = f"prediction/{MODEL}"


def versions(home: Home) -> set[int]:
    """The versions whose predictions lie in the table."""
    rows = CustomerRun(home, "ann").read(ASSET).select("version").distinct().to_pyarrow().to_pylist()
    return {row["version"] for row in rows}


def test_another_champion_predicts_anew_and_so_does_a_rollback(predicted: Home) -> None:
    registry = predicted.registry
    first = registry.champion("ann", MODEL)
    assert first is not None
    assert run(predicted, EARLY, ASSET)[ASSET].status == "reused"
    second = registry.register(
        "ann",
        MODEL,
        registry.load(first),
        columns=first.columns,
        parameters=first.parameters,
        facts=first.facts,
        metrics=first.metrics,
        seed=first.seed + 1,
        code_version=first.code_version,
        data_versions=first.data_versions,
        trained_as_of=first.trained_as_of,
        cpu_seconds=0.0,
    )
    registry.promote("ann", MODEL, second.number, "tried")
    assert run(predicted, EARLY, ASSET)[ASSET].status == "done"
    assert versions(predicted) == {second.number}, "the batch of the former champion was not replaced"
    registry.rollback("ann", MODEL, "worse")
    assert run(predicted, EARLY, ASSET)[ASSET].status == "done"
    assert versions(predicted) == {first.number}


def _twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.head(1)], ignore_index=True)


def _gap(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(label=None)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [(_twice, "twice"), (_gap, "empty"), (lambda frame: frame.iloc[:, ::-1], "returned the columns")],
    ids=["twice", "empty", "columns"],
)
def test_what_breaks_the_contract_is_not_delivered(
    predicted: Home, monkeypatch: pytest.MonkeyPatch, spoil: Any, told: str
) -> None:
    kind = type(models()[MODEL])
    predict = kind.predict
    monkeypatch.setattr(kind, "predict", lambda self, *given: spoil(predict(self, *given)))
    before = CustomerRun(predicted, "ann").number(ASSET)
    outcome = run(predicted, EARLY, ASSET, force=True)[ASSET]
    assert outcome.status == "failed"
    assert told in outcome.reason
    assert CustomerRun(predicted, "ann").number(ASSET) == before
