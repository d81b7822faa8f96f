"""A card tells known numbers, says the same in Markdown and HTML, and lets no text of a retailer become markup."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from capflow_assets.contract.model import PREDICTED_COLUMNS, Task
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.training.card.card import build_card
from capflow_assets.training.card.html import as_html
from capflow_assets.training.card.markdown import as_markdown, in_brief
from capflow_assets.training.card.predicted_vs_actual import compare_with_outcome, measure_calibration
from capflow_assets.training.card.reasons import most_frequent
from capflow_assets.training.card.record import EvaluationRecord
from capflow_assets.training.card.sections import NOT_KEPT
from capflow_assets.training.card.slices import evaluate_slices
from capflow_assets.training.evaluation.metrics import metric
from tests.training.card_world import (
    COUNT,
    EVIL,
    PROMOTED,
    T,
    card,
    example,
    found,
    history,
    made,
    simple,
    snapshot,
    version,
)
from tests.validation.html_page import Page

TASKS, USERS = sorted(PREDICTED_COLUMNS), ("user_id",)


def test_by_tenth_and_calibration_in_known_numbers() -> None:
    score = np.repeat(np.linspace(0.95, 0.05, 10), 10)
    label = np.concatenate([np.arange(10) < right for right in range(10, 0, -1)]).astype(int)
    users = [f"u{number}" for number in range(100)]
    rows = compare_with_outcome(
        "binary",
        pd.DataFrame({"user_id": users, "label": label}),
        pd.DataFrame({"user_id": users, "score": score}).sample(frac=1, random_state=1),
    )
    assert [row["tenth"] for row in rows] == list(range(1, 11))
    assert [round(row["actual"], 9) for row in rows] == [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]
    assert rows[0]["lift"] == pytest.approx(1 / 0.55)
    assert [rows[0]["captured"], rows[1]["captured"], rows[9]["captured"]] == pytest.approx([10 / 55, 19 / 55, 1.0])
    told = measure_calibration(rows)
    assert (told.predicted, told.actual, told.error) == pytest.approx((0.5, 0.55, 0.05))
    assert told.chance == pytest.approx(0.798 * np.mean([(p * (1 - p) / 10) ** 0.5 for p in score]), rel=1e-3)


def test_what_came_true_by_rank_segment_label_and_contact() -> None:
    tables = {task: compare_with_outcome(task, *example(task)) for task in TASKS}
    assert tables["ranking"][0] == {"rank": 1, "units": COUNT, "share": pytest.approx(0.6, abs=0.01)}
    assert [row["share"] for row in tables["ranking"][1:]] == [0.0] * 9
    assert [(row["label"], row["units"]) for row in tables["segment"]] == [("best", 150), ("lost", 150)]
    assert {row["label"]: row["right"] for row in tables["choice"]} == {"shirt": 1.0, "shoe": 0.0}
    first = tables["uplift"][0]
    assert first["gained"] == pytest.approx(first["treated"] - first["held_back"])
    outcome, prediction = example("uplift")
    alone = compare_with_outcome("uplift", outcome.assign(treated=(outcome.index < 30).astype(int)), prediction)
    assert (alone[0]["held_back"], alone[0]["gained"], alone[5]["treated"]) == (None, None, None)


def test_reasons_are_counted_by_their_words_and_phrases_keep_their_own_numbers() -> None:
    phrases = {"a": "spent {value:,.2f} in the last 90 days", "b": "spent {value:,.2f} in the last 30 days",
               "c": "{value:.0%} of visits are online"}  # fmt: skip
    told = [
        ["spent 1,204.50 in the last 90 days", "12% of visits are online"],
        ["spent 7.00 in the last 90 days", "popular here"],
        [
            "spent 7.00 in the last 30 days",
            "goes with item i512, bought 3 times",
            "goes with item i512, bought 4 times",
        ],
        ["spent 7.00 in the last 90 days", "3rd week ahead"],
    ]
    counted = {row.reason: (row.share, row.example) for row in most_frequent(told, phrases)}
    assert counted == {
        "spent … in the last 90 days": (0.75, "spent 7.00 in the last 90 days"),
        "spent … in the last 30 days": (0.25, "spent 7.00 in the last 30 days"),
        "…% of visits are online": (0.25, "12% of visits are online"),
        "popular here": (0.25, "popular here"),
        "… week ahead": (0.25, "3rd week ahead"),
        "goes with item i512, bought … times": (0.25, "goes with item i512, bought 4 times"),
    }
    assert most_frequent([["x" * 1000]], {})[0].example == "x" * 160 + "…"


def test_a_slice_is_the_metric_of_its_users_alone() -> None:
    model, (outcome, prediction) = made("binary"), example("binary")
    rows = evaluate_slices(model, snapshot(outcome), prediction.sample(frac=1, random_state=3), simple(prediction))
    by_recency = [row for row in rows if row.by == "days since the last visit"]
    assert [(row.group, row.units) for row in by_recency[:3]] == [
        ("1 to 100", 100),
        ("101 to 199", 99),
        ("200 to 299", 100),
    ]
    inside = outcome.iloc[1:101]
    told = metric("auc").evaluate(inside, prediction)
    assert (by_recency[0].value, by_recency[0].low, by_recency[0].high) == (told.value, told.low, told.high)
    assert by_recency[0].baseline == 0.5
    assert by_recency[3].group == "not known"
    assert by_recency[3].why == "fewer than 50 users"
    assert by_recency[3].value is None
    by_spend = [(row.group, row.units) for row in rows if row.by == "spend so far"]
    assert by_spend == [("0.01 to 1", 100), ("1.01 to 1.99", 99), ("2 to 2.99", 100), ("not known", 1)]


def test_equal_values_are_never_parted_and_one_kind_alone_is_not_judged() -> None:
    model, (outcome, prediction) = made("binary"), example("binary")
    features = pd.DataFrame({"user_id": outcome["user_id"], "frequency_bills_90d": [1] * 250 + [9] * 50, "spend": 3})
    outcome["label"] = outcome["label"].where(outcome.index < 250, 0)
    rows = evaluate_slices(model, LabelledSnapshot("acme", T, features, {}, outcome), prediction, simple(prediction))
    assert [(row.by, row.group, row.units) for row in rows] == [
        ("visits in the last 90 days", "1", 250), ("visits in the last 90 days", "9", 50),
    ]  # fmt: skip
    assert rows[1].why == "fewer than 10 for whom it came true, or for whom it did not"
    assert rows[0].why == ""


def test_a_model_without_features_is_sliced_by_what_sales_say() -> None:
    model, (outcome, prediction) = made("regression"), example("regression")
    late = [T - timedelta(days=1 + number) for number in range(COUNT)]
    sales = pd.DataFrame({"user_id": outcome["user_id"], "ts": late, "amount": 5.0, "is_return": False})
    twice = pd.concat([sales, sales.head(100).assign(ts=T - timedelta(days=400))])
    bare = LabelledSnapshot("acme", T, outcome[["user_id"]], {"bills": ibis.memtable(twice)}, outcome)
    rows = evaluate_slices(model, bare, prediction, simple(prediction))
    assert [(row.by, row.group) for row in rows] == [
        *(("days since the last visit", group) for group in ("1 to 100", "101 to 200", "201 to 300")),
        ("visits so far", "1"), ("visits so far", "2"), ("spend so far", "5"), ("spend so far", "10"),
    ]  # fmt: skip
    assert (
        evaluate_slices(
            model, LabelledSnapshot("acme", T, outcome[["user_id"]], {}, outcome), prediction, simple(prediction)
        )
        == []
    )


def test_other_units_are_sliced_by_their_own_columns() -> None:
    model, (outcome, prediction) = (
        made("regression", ("item_id", "store_id")),
        example("regression", ("item_id", "store_id")),
    )
    rows = evaluate_slices(model, snapshot(outcome), prediction, simple(prediction))
    assert [(row.by, row.group, row.units) for row in rows] == [("store", f"way {n}", 100) for n in range(3)]
    inside = outcome[outcome["store_id"] == "way 1"]
    assert rows[1].value == pytest.approx(metric("mae").value(inside, prediction))


def test_the_card_of_a_champion() -> None:
    made_card = card("binary", "")
    told = made_card.to_json()
    assert (told["status"], told["version"], told["rung"]) == ("champion", 2, "own model")
    assert told["columns"]["used"] == ["recency_days", "odd"]
    assert told["columns"]["offered"] == 3
    assert told["metric"]["champion"] == {"version": 1, "value": 0.65, "gain": 0.0, "low": 0.0, "high": 0.0}
    outcome, prediction = example("binary")
    paired = metric("auc").compare_paired(outcome, prediction, simple(prediction))
    assert told["metric"]["baseline"]["gain"] == pytest.approx(paired.difference)
    assert told["metric"]["baseline"]["low"] == pytest.approx(
        paired.difference - 1.96 * paired.standard_error, abs=1e-4
    )
    assert told["settings"] == {"price_of_contact": 2.5}
    assert told["parameters"] == {"leaves": 15}
    assert told["data"]["test"] == {"as_of": T.isoformat(), "units": COUNT, "mean_outcome": outcome["label"].mean()}
    text = as_markdown(made_card)
    for words in (
        "# Made up: acme, version 2", "**champion**: better", "by lot (Lot 1999)", "0.7000", "0.6000 to 0.8000",
        "baseline: the mean", "champion then, version 1", "Warning: odd drifts", "It looks 30 days ahead",
        "It uses 2 of 3 feature columns", "2 columns beat noise", "4 trials; drawn from the search space",
        "leaves: 15", "seed: 7", "code version: c0de", "12.3 CPU-seconds", "price of contact: 2.5",
        "contact pays from 0.1", "features/rfm: version 3", "expected calibration error", "| 2024-03-01 |",
    ):  # fmt: skip
        assert words in text, words


@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_kept_and_shown(task: Task) -> None:
    facts, told = found(task, ""), card(task, "")
    stored = facts.to_json()
    assert json.loads(json.dumps(stored, allow_nan=False)) == stored
    assert EvaluationRecord.from_json(stored) == facts
    page, text = Page(as_html(told, b"PNG")), as_markdown(told, b"PNG")
    for heading in ("What it is", "How good it is", "What came true", "For whom it works", "Reasons it gives", "Data"):
        assert heading in page.text()
        assert f"## {heading}\n" in text
    assert len(page.all("img")) == text.count("![") == 1
    assert 20 < len(in_brief(told).splitlines()) < 60


@pytest.mark.parametrize(("task", "unit"), [*((task, USERS) for task in TASKS), ("binary", ("user_id", "channel"))])
def test_no_text_of_a_retailer_becomes_markup(task: Task, unit: tuple[str, ...]) -> None:
    plain, odd = card(task, "", unit=unit), card(task, EVIL, unit=unit)
    assert len(json.dumps(odd.to_json())) > len(json.dumps(plain.to_json())) + 8 * len(EVIL)
    page = Page(as_html(odd, b"PNG"))
    assert page.tags() == Page(as_html(plain, b"PNG")).tags()
    assert page.text().count("<script>alert(1)</script>") >= 5, "shown as text"
    structure = [[line.count("|") - line.count(r"\|"), line[:3]] for line in as_markdown(plain).splitlines()]
    assert [[line.count("|") - line.count(r"\|"), line[:3]] for line in as_markdown(odd).splitlines()] == structure
    for text in (as_markdown(odd), in_brief(odd)):
        assert text.count("<") == text.count(r"\<") > 0
        assert text.count("](") == text.count(r"\](") > 0


@pytest.mark.parametrize("task", TASKS)
def test_the_page_loads_nothing_and_runs_nothing(task: Task) -> None:
    page = Page(as_html(card(task, EVIL), b"PNG"))
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags())
    assert not [key for one in page.elements for key in one.attributes if key.startswith("on") or key == "style"]
    assert all(target.startswith(("#", "data:image/png;base64,")) for target in page.reaches())
    assert "url(" not in page.source
    policy = [one.attributes["content"] for one in page.all("meta") if "http-equiv" in one.attributes]
    assert policy == [
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    ]
    assert all(one.attributes.get("scope") in ("col", "row") for one in page.all("th"))
    assert all(one.attributes["alt"] for one in page.all("img"))
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    assert {one.attributes["href"][1:] for one in page.all("a")} == set(ids)


@pytest.mark.parametrize("task", ["binary", "regression", "segment"])
def test_a_record_of_an_earlier_release_is_read_and_gives_the_same_card(task: Task) -> None:
    """cards_of_ddc0d61.json holds records and cards as that commit wrote them, of the same made-up users."""
    stored = json.loads(Path(__file__).with_name("cards_of_ddc0d61.json").read_text(encoding="utf-8"))[task]
    record = EvaluationRecord.from_json({**stored["record"], "of_tomorrow": {"a": [1]}})
    assert record.to_json() == {**stored["record"], "of_tomorrow": {"a": [1]}}
    model, events = made(task, tuple(stored["unit"])), history(*PROMOTED, (2, "promoted", "better"))
    assert build_card(version(model), events, 2, record).to_json() == stored["card"]


def test_a_version_older_than_cards_has_a_card_of_what_is_known() -> None:
    model = made("binary")
    told = build_card(version(model), history(*PROMOTED, (2, "kept", "not better")), 1, None, model)
    assert told.status == "not promoted"
    assert NOT_KEPT in as_markdown(told)
    assert NOT_KEPT in Page(as_html(told)).text()
    assert "0.6000 to 0.8000" in in_brief(told)
    with pytest.raises(ValueError, match="Nothing is known of made"):
        build_card(version(model), [], None, None)


def test_what_became_of_a_version_is_its_status() -> None:
    model, facts = made("binary"), found("binary", "")
    then = (2, "promoted", "better")
    status = {
        "former champion": (history(*PROMOTED, then, (3, "promoted", "best")), 3),
        "champion": (history(*PROMOTED, then, (3, "promoted", "best"), (2, "rolled_back", "oops")), 2),
        "not decided": (history(*PROMOTED), 1),
    }
    for words, (events, champion) in status.items():
        told = build_card(version(model), events, champion, facts)
        assert told.status == words
        assert told.metric.champion.version == 1
    assert "oops" in as_markdown(build_card(version(model), status["champion"][0], 2, facts)).splitlines()[2]


def test_a_group_in_which_the_baseline_does_better_is_named() -> None:
    told = card("binary", "")
    for high, words in ((0.45, "the baseline is better"), (0.6, "the baseline does as well")):
        worse = replace(told, slices=[replace(told.slices[0], value=0.4, low=0.3, high=high, baseline=0.5)])
        assert words in as_markdown(worse)
        assert words not in as_markdown(told)


def test_a_column_of_small_groups_is_one_row_and_of_many_groups_the_largest_are_shown() -> None:
    model, (outcome, prediction) = (
        made("regression", ("item_id", "store_id")),
        example("regression", ("item_id", "store_id")),
    )
    for stores, shown in (
        (100, [("store (the largest of 100)", "s0", 3)]),
        (6, [("store", f"s{n}", 50) for n in range(6)]),
    ):
        names = [f"s{number % stores}" for number in range(COUNT)]
        frames = [frame.assign(store_id=names) for frame in (outcome, prediction, simple(prediction))]
        rows = evaluate_slices(model, snapshot(frames[0]), *frames[1:])
        assert [(row.by, row.group, row.units) for row in rows] == shown
        assert {row.why for row in rows} == {"fewer than 50 pairs" if stores == 100 else ""}
