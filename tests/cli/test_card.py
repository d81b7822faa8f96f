"""`capflow model card` tells of a version that was trained here, as Markdown, HTML and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from capflow_assets.contract.outcome import Markdown, Outcome
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import upstream
from capflow_assets.simulator import customer_file
from capflow_resources.home import Home
from tests.conftest import SHOP
from tests.validation.html_page import Page

Capflow = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, shop_data: dict[str, Path]) -> Iterator[tuple[Home, Outcome]]:
    """A home in which ann has one model, and what came of its training; bob has none."""
    home = Home(tmp_path_factory.mktemp("cards") / "home")
    home.customers_folder.mkdir(parents=True)
    for name in ("ann", "bob"):
        text = customer_file(replace(SHOP, name=name), "parquet", str(shop_data["sound"]))
        text = text.replace("models: all", "models: [rfm_segments]")
        (home.customers_folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    run = CustomerRun(home, "ann")
    try:
        made = {outcome.asset: outcome for outcome in run_customer(run, upstream(["model/rfm_segments"]))}
    finally:
        run.close()
    yield home, made["model/rfm_segments"]
    home.registry.close()


@pytest.fixture
def capflow(capflow: Capflow, trained: tuple[Home, Outcome]) -> Capflow:
    return lambda *words: capflow("model", "card", *words, "--home", str(trained[0].path))


def test_training_shows_the_card_in_brief(trained: tuple[Home, Outcome]) -> None:
    home, outcome = trained
    assert outcome.status == "done", outcome.reason
    told = outcome.facts["card"]
    assert isinstance(told, Markdown)
    assert len(told.splitlines()) < 60
    version = home.registry.versions("ann", "rfm_segments")[0]
    kept = home.lake.document("ann", f"model/rfm_segments/{version.digest}.card.json")
    assert kept is not None
    facts = json.loads(kept)
    assert facts["test"]["units"] == version.metrics.rows
    assert {row["by"] for row in facts["slices"]} == {"days since the last visit", "visits so far", "spend so far"}
    assert sum(row["units"] for row in facts["slices"] if row["by"] == "spend so far") == version.metrics.rows


def test_the_card_is_printed_and_written(capflow: Capflow, trained: tuple[Home, Outcome], tmp_path: Path) -> None:
    version = trained[0].registry.versions("ann", "rfm_segments")[0]
    code, out, _ = capflow("ann", "rfm_segments")
    assert code == 0
    assert out.startswith("# RFM segments: ann, version 1\n")
    assert f"{version.metrics.value:.4f}" in out
    assert version.digest[:12] in out
    assert "data:" not in out
    code, out, _ = capflow("ann", "rfm_segments", "--version", "1", "--json")
    assert (code, json.loads(out)["digest"]) == (0, version.digest)
    for name in ("card.html", "card.md"):
        code, out, _ = capflow("ann", "rfm_segments", "--out", str(tmp_path / name))
        assert (code, out) == (0, f"version 1 in {tmp_path / name}\n")
    page = Page((tmp_path / "card.html").read_text(encoding="utf-8"))
    assert page.all("h1")[0].text == "RFM segments: ann, version 1"
    assert page.all("img")[0].attributes["src"].startswith("data:image/png;base64,iVBOR")
    assert "](data:image/png;base64,iVBOR" in (tmp_path / "card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["an", "rfm_segments"], "no customer 'an'"),
        (["ann", "rfm_segmnts"], "no model 'rfm_segmnts'; did you mean 'rfm_segments'?"),
        (["ann", "churn"], "'ann' has no version of churn: see `capflow status --customer ann`"),
        (["bob", "rfm_segments"], "'bob' has no version of rfm_segments"),
        (["ann", "rfm_segments", "--version", "9"], "'ann' has no version 9 of rfm_segments: there is 1"),
        (["ann", "rfm_segments", "--version", "one"], "'one' is not a valid integer"),
        (["ann", "rfm_segments", "--out", "card.pdf"], "must end in .html or .md"),
        (["ann", "rfm_segments", "--out", "/dev/null/card.md"], "cannot be written"),
    ],
)
def test_bad_input_is_one_line(capflow: Capflow, words: list[str], told: str) -> None:
    code, out, err = capflow(*words)
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert told in err


def test_without_a_champion_the_version_must_be_named(
    capflow: Capflow, trained: tuple[Home, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capflow_resources.registry.Registry.champion", lambda *_: None)
    code, _, err = capflow("ann", "rfm_segments")
    assert code == 2
    assert "no version of rfm_segments is champion for 'ann'; take --version N: there is 1" in err
