"""`capflow report` writes a page for every customer: passed, blocked early or late, broken, never run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from capflow_assets.validation.page import PAGE, PLOTS
from capflow_resources.home import Home
from tests.validation.html_page import Page
from tests.validation.judged_home import EVIL, judge, judged_home

Capflow = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, shop_data: dict[str, Path]) -> Home:
    return judged_home(tmp_path_factory, shop_data)


@pytest.fixture
def capflow(capflow: Capflow, judged: Home) -> Capflow:
    return lambda *words: capflow(*words, "--home", str(judged.path))


def test_every_customer_has_a_page_whatever_became_of_it(capflow: Capflow, tmp_path: Path) -> None:
    code, out, _ = capflow("report", "--all", "--out", str(tmp_path / "site"))
    assert code == 0
    assert "bob: blocked, 1 reasons" in out
    files = {path.name: Page(path.read_text()) for path in (tmp_path / "site").iterdir()}
    assert set(files) == {"index.html", *(f"{name}.html" for name in ("ann", "bob", "cleo", "dan", "zoe"))}
    index = files["index.html"]
    rows = [one.text for one in index.all("td") if "tag" in one.attributes.get("class", "")]
    assert rows == ["blocked", "blocked", "failed", "not judged", "passed"]
    assert all(link.attributes["href"] in files for link in index.all("a"))
    assert "duplicate_share of 'bob' is" in index.text()
    told = {
        "ann.html": ("may be used", "Day by day" if "Day by day" in files["ann.html"].text() else "KPIs"),
        "bob.html": ("set tables.line_items.drop_duplicates: true in customers/bob.yaml", "quarantine/items", EVIL),
        "cleo.html": ("quantity", "Send the quantity sold", "No KPIs could be measured yet", "quarantine/line_items"),
        "dan.html": ("dan.yaml:", "did you mean 'currency'?"),
        "zoe.html": ("never judged", "capflow run --customer zoe"),
    }
    for name, texts in told.items():
        text = " ".join(files[name].text().split())
        for one in texts:
            assert " ".join(one.split()) in text, (name, one)


def test_the_page_in_the_lake_is_the_one_that_the_command_writes(
    capflow: Capflow, judged: Home, tmp_path: Path
) -> None:
    for name in ("ann", "bob", "cleo"):
        kept = judged.lake.document(name, PAGE)
        assert kept is not None, name
        assert capflow("report", name, "--out", str(tmp_path / f"{name}.html"))[0] == 0
        ours, theirs = (Page(text) for text in (kept.decode(), (tmp_path / f"{name}.html").read_text()))
        assert [one.text for one in ours.all("li")] == [one.text for one in theirs.all("li")]
        # Blocked by its first table, cleo's page was kept before its other tables were audited.
        assert ours.tags() == theirs.tags() or name == "cleo"


def test_a_report_for_programs(capflow: Capflow) -> None:
    code, out, _ = capflow("report", "bob", "--json")
    found = json.loads(out)
    assert (code, found["state"], found["current"]) == (0, "blocked", True)
    assert found["kpis"]["duplicate_share"] > 0.05
    assert {one["check"] for one in found["offences"]} >= {"duplicate_share", "greater_than_or_equal_to"}
    code, out, _ = capflow("report", "--all", "--json")
    assert [one["state"] for one in json.loads(out)] == ["passed", "blocked", "blocked", "failed", "not judged"]


def test_plots_are_drawn_once(judged: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = judged.lake.document("ann", PLOTS)
    assert before
    monkeypatch.setattr("capflow_assets.validation.page.draw_distribution", None)
    assert judge(judged, "ann")["validation/report"] == "reused"
    assert judged.lake.document("ann", PLOTS) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["report"], "name one customer, or take --all"),
        (["report", "ann", "--all"], "name one customer, or take --all"),
        (["report", "ann"], "--out FILE.html"),
        (["report", "--all"], "--out FOLDER"),
        (["report", "cle", "--out", "x.html"], "did you mean 'cleo'?"),
        (["report", "ann", "--out", "x.pdf"], "must end in .html"),
        (["report", "ann", "--out", "/dev/null/x.html"], "cannot be written"),
        (["report", "--all", "--out", "/dev/null"], "must be a folder"),
    ],
)
def test_bad_input_is_one_line(capflow: Capflow, words: list[str], told: str) -> None:
    code, out, err = capflow(*words)
    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert told in err


def test_a_customer_whose_documents_cannot_be_read_does_not_hide_the_others(
    capflow: Capflow, judged: Home, tmp_path: Path
) -> None:
    good = judged.lake.document("ann", "validation/verdict.json")
    assert good
    judged.lake.put_document("ann", "validation/verdict.json", b"{")
    try:
        code, out, err = capflow("report", "--all", "--out", str(tmp_path))
    finally:
        judged.lake.put_document("ann", "validation/verdict.json", good)
    assert code == 3
    assert "ann: this is not a verdict that CapFlow wrote" in err
    assert "4 customers" in out
