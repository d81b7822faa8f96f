"""A card from a few made-up users: every task, with texts as bad as a retailer may send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from capflow_assets.contract.model import Artefact, Model, Task
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.prediction.version_facts import VersionFacts
from capflow_assets.training.card.card import Card, build_card, build_evaluation_record
from capflow_assets.training.card.record import EvaluationRecord
from capflow_assets.training.evaluation.metrics import metrics_of
from capflow_resources.registry import Event, Metrics, Version

T, NOW = datetime(2024, 3, 1), datetime(2024, 6, 2, 8, 30)
EVIL = "</td></p><script>alert(1)</script><img src=http://x.example/a onerror=alert(2)>\"'&`|*[x](http://y.example)"
COUNT = 300


class Made(Model):
    """What a model says of itself, for a card."""

    name, title, description = "made", "Made up", "Predicts what the test wants."
    family, method, baseline_name = "test", "by lot (Lot 1999)", "the mean"
    settings: ClassVar[Mapping[str, Any]] = {"price_of_contact": 1.0}

    def outcome(self, snapshot: Snapshot, window: Any) -> pd.DataFrame:
        raise NotImplementedError

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        raise NotImplementedError

    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        raise NotImplementedError

    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        raise NotImplementedError


def made(task: Task, unit: tuple[str, ...] = ("user_id",), text: str = "") -> Model:
    """A model of the task that predicts something of `unit`."""
    words = {"task": task, "metric": metrics_of(task)[0].name, "unit": unit, "description": f"Predicts{text}."}
    return type("MadeFor", (Made,), words)()


def example(task: Task, unit: tuple[str, ...] = ("user_id",), text: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """What came true of 300 units, and what was predicted of them."""
    chance = np.random.default_rng(1)
    units = pd.DataFrame({unit[0]: [f"u{number:03d}" for number in range(COUNT)]})
    for column in unit[1:]:
        units[column] = [f"way {number % 3}{text}" for number in range(COUNT)]
    score = np.linspace(1, 0, COUNT)
    reasons = pd.Series([[f"last visit {number} days ago", f"likes {text}"] for number in range(COUNT)])
    told: dict[str, Any] = {"reasons": reasons}
    true: dict[str, Any] = {}
    if task in ("binary", "uplift"):
        true["label"] = (chance.random(COUNT) < score).astype(int)
        told["score"] = score
        if task == "uplift":
            true = {"treated": np.arange(COUNT) % 2, **true}
    elif task == "regression":
        true["value"], told["value"] = score * 100 + chance.random(COUNT), score * 100
    elif task == "segment":
        true["value"] = score * 100
        told["label"] = np.where(score > 0.5, f"best{text}", "lost")
    elif task == "choice":
        true["label"] = np.where(chance.random(COUNT) < 0.7, f"shirt{text}", "shoe")
        told["label"] = f"shirt{text}"
    else:
        true["item_id"] = np.where(score > 0.4, f"i1{text}", "i9")
        told |= {"rank": 1, "item_id": f"i1{text}", "score": score}
    return units.assign(**true), units.assign(**told)


def snapshot(outcome: pd.DataFrame, as_of: datetime = T, text: str = "") -> LabelledSnapshot:
    """Users with three features as of a date; the first user is unknown to them."""
    users = outcome[outcome.columns[0]].unique()
    number = np.arange(len(users), dtype=float)
    features = pd.DataFrame({"user_id": users, "recency_days": number, "spend": number / 100, f"odd{text}": number})
    return LabelledSnapshot("acme", as_of, features.iloc[1:] if "user_id" in outcome else pd.DataFrame(), {}, outcome)


def version(model: Model, number: int = 2, text: str = "", **changed: Any) -> Version:
    """A registered version with a champion before it."""
    given: dict[str, Any] = {
        "customer": "acme", "model": model.name, "number": number, "digest": "0123456789abcdef" * 4, "uri": "",
        "files": {},
        "columns": ("recency_days", f"odd{text}"), "parameters": {"leaves": 15, "price_of_contact": 2.5},
        "facts": {"warnings": [f"odd{text} drifts"], "phrases": {"recency_days": "last visit {value:.0f} days ago"},
                  "decision": {"threshold": 0.1, "rule": f"contact pays from 0.1{text}"}},
        "metrics": Metrics(model.metric, 0.7, model.baseline_name, 0.5, T, COUNT, 0.6, 0.8, 0.65),
        "seed": 7, "code_version": "c0de", "data_versions": {"features/rfm": 3}, "trained_as_of": T,
        "cpu_seconds": 12.345, "created_at": NOW,
    }  # fmt: skip
    return Version(**given | changed)


def history(*told: tuple[int, str, str]) -> list[Event]:
    """Events of (version, kind, reason), in order."""
    return [
        Event(number, "acme", "made", at, kind, reason, NOW)  # type: ignore[arg-type]
        for number, (at, kind, reason) in enumerate(told, start=1)
    ]


PROMOTED = ((1, "registered", ""), (1, "promoted", "first"), (2, "registered", ""))


def evidence(text: str = "") -> dict[str, Any]:
    """How columns and parameters were found."""
    return {
        "selection": {"columns": ["recency_days"], "offered": 3, "reason": f"2 columns beat noise{text}", "votes": {}},
        "tuning": {"reason": f"drawn from the search space{text}", "trials": [{"gain": 0.01}] * 4},
    }


def simple(prediction: pd.DataFrame) -> pd.DataFrame:
    """A baseline that says the same of everybody."""
    same = {"score": 0.5, "value": 50.0, "label": "lost"} | ({"item_id": "i9"} if "rank" in prediction else {})
    return prediction.assign(**{name: value for name, value in same.items() if name in prediction})


@cache
def found(task: Task, text: str, unit: tuple[str, ...] = ("user_id",)) -> EvaluationRecord:
    """What is kept of the test date; all of its texts end in `text`."""
    model, (outcome, prediction) = made(task, unit, text), example(task, unit, text)
    past = [snapshot(outcome, datetime(2024, 1, 1), text)]
    facts, told = VersionFacts.from_json(version(model, text=text).facts), evidence(text)
    return build_evaluation_record(
        model, past, snapshot(outcome, T, text), facts, prediction, simple(prediction), prediction, told
    )


def card(task: Task, text: str, unit: tuple[str, ...] = ("user_id",)) -> Card:
    """The whole card of version 2, the champion."""
    model, events = made(task, unit, text), history(*PROMOTED, (2, "promoted", f"better{text}"))
    return build_card(version(model, text=text), events, 2, found(task, text, unit))
