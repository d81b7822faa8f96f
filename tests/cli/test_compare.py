"""capflow model compare: who wins over all customers, nothing registered unless asked, bad input in one line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import upstream
from capflow_assets.simulator import customer_file
from capflow_assets.training.compare import select_wave
from capflow_resources.home import Home
from tests.conftest import SHOP

Capflow = Callable[..., tuple[int, str, str]]
MODELS = ("rfm_segments", "behaviour_segments")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, shop_data: dict[str, Path]) -> Iterator[Home]:
    """ann has features and an rfm_segments that is champion; bob's data were never read."""
    home = Home(tmp_path_factory.mktemp("compared") / "home")
    home.customers_folder.mkdir(parents=True)
    for name in ("ann", "bob"):
        text = customer_file(replace(SHOP, name=name), "parquet", str(shop_data["sound"]))
        text = text.replace("models: all", f"models: [{', '.join(MODELS)}]")
        (home.customers_folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    run = CustomerRun(home, "ann")
    try:
        assets = upstream(["model/rfm_segments", "features/rfm", "features/rhythm"])
        assert not [one for one in run_customer(run, assets) if one.stops]
    finally:
        run.close()
    yield home
    home.registry.close()


@pytest.fixture
def capflow(capflow: Capflow, home: Home) -> Capflow:
    return lambda *words: capflow("model", "compare", *words, "--home", str(home.path))


def versions(home: Home) -> int:
    return sum(len(home.registry.versions("ann", model)) for model in MODELS)


def test_against_the_baseline(home: Home, capflow: Capflow) -> None:
    before = versions(home)
    code, out, _ = capflow("rfm_segments", "--against", "baseline", "--json")
    told = json.loads(out)
    ann, bob = told["customers"]
    champion = home.registry.champion("ann", "rfm_segments")
    assert champion is not None
    assert code == 0
    assert ann["value"] == champion.metrics.value
    assert ann["rival"] == champion.metrics.baseline_value
    assert ann["verdict"] in ("win", "tie")
    assert bob["verdict"] == "not compared"
    assert "capflow run --customer bob" in bob["reason"]
    assert told["all"]["gain"] == pytest.approx(ann["value"] - ann["rival"])
    assert told["verticals"]["fashion"]["customers"] == 2
    assert versions(home) == before, "a comparison registers nothing"


def test_against_its_own_champion_it_is_a_tie(capflow: Capflow) -> None:
    code, out, _ = capflow("rfm_segments", "--customer", "ann")
    assert code == 0
    assert "tie" in out
    assert "+0 ± 0" in out


def test_against_another_model_and_promoted_where_it_is_better(home: Home, capflow: Capflow) -> None:
    words = ("behaviour_segments", "--against", "rfm_segments", "--customer", "ann", "--promote")
    code, out, _ = capflow(*words)
    assert code == 0
    assert "not compared " not in out.split("\n\n")[0]
    assert "not promoted: the mean gain is not surely above 0" in out, "one customer proves nothing"
    assert home.registry.champion("ann", "behaviour_segments") is None


def test_promotion_keeps_the_reason(home: Home) -> None:
    from capflow_assets.run.catalogue import models
    from capflow_assets.training.compare import BASELINE, compare, promote

    run, model = CustomerRun(home, "ann"), models()["behaviour_segments"]
    try:
        one = compare(run, model, BASELINE)
        assert one.candidate is not None
        beats = one.candidate.challenger.value > one.candidate.baseline.value
        assert promote(run, model, one, "better in its wave") is (beats and one.comparison.verdict != "loss")
    finally:
        run.close()
    told = [event.reason for event in home.registry.events("ann", "behaviour_segments") if event.kind == "promoted"]
    assert told == (["better in its wave"] if beats else [])


def test_waves_deal_every_customer_once() -> None:
    names = [f"c{number:03d}" for number in range(100)]
    parts = [select_wave(names, number, 5) for number in range(1, 6)]
    assert sorted(name for part in parts for name in part) == names
    assert {len(part) for part in parts} == {20}
    assert parts[0] == select_wave(list(reversed(names)), 1, 5)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["chrun"], "no model 'chrun'; did you mean 'churn'?"),
        (["churn", "--against", "cltv"], "churn and cltv do not predict the same: task binary and regression"),
        (["churn", "--against", "churn"], "use --against champion"),
        (["churn", "--wave", "6/5"], "write it like 1/5"),
        (["churn", "--customer", "an"], "no customer 'an'"),
    ],
)
def test_bad_input_is_one_line(capflow: Capflow, words: list[str], told: str) -> None:
    code, out, err = capflow(*words)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1
