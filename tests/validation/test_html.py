"""Pages say everything, load nothing, run nothing, and can be read without eyes, colours or a mouse."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_assets.validated.audit.violation import Violation
from capflow_assets.validation.bounds import Finding
from capflow_assets.validation.html import (
    Dossier,
    ModelRow,
    TableRow,
    Trouble,
    render_customer,
    render_everyone,
)
from capflow_assets.validation.html.charts import BOTTOM, WIDTH, draw_histogram, draw_series
from capflow_assets.validation.kpis.distributions import Distribution
from capflow_assets.validation.kpis.kpis import KPIS
from capflow_assets.validation.plots import group_bars
from capflow_assets.validation.report import Report
from capflow_assets.validation.series import Series
from tests.validation.html_page import Page

NOW = datetime(2024, 4, 11, 8, 30)
EVIL = "</title></style></script><script>alert(1)</script><img src=http://x.example/a onerror=alert(2)>\"'&"


def finding(kpi: str, value: float | None, severity: Any = "block", passed: bool = True, rule: str = "") -> Finding:
    source: Any = "own history" if rule else "default"
    remedy = "" if passed else f"Mend {kpi}."
    return Finding(kpi, value, 0.01, 0.05, source, severity, passed, f"{kpi} is {value}.", remedy, rule)


def offence(check: str, sample: Sequence[dict[str, Any]] = (), blocks: bool = True, at: str = "") -> Violation:
    return Violation(
        check, "line_items", "", 312, 0.0155, 0.01, blocks, f"{check} broke.", "Mend it.", tuple(sample), at
    )


SHAPES = (
    Distribution("recency", "Recency", "days", "users", 1096, tuple((day, 400 - day) for day in range(400))),
    Distribution("latency", "Latency", "days", "pairs", 366, (), "No user has come on two days yet."),
    Distribution("repeat", "Repeats", "bills", "users", 50, ((1, 70), (2, 20), (50, 3))),
)
SERIES = Series(
    "bills", "Bills", "bills", "2024-01-30", (5.0, None, 4.0, 60.0, 6.0), (None, 3.0, 3.0, 3.0, 7.0),
    (None, 9.0, 9.0, 9.0, 9.0),
)  # fmt: skip


def report(text: str = "", passed: bool = True) -> Report:
    findings = (
        finding("duplicate_share", 0.0155, "block", passed, f"three times what Mondays vary{text}"),
        finding("anonymous_share", 0.6, "warn", False),
        finding("spend_shift", None),
    )
    rows = (offence("duplicate_share", [{"item_id": f"tea{text}", "n": 3}], at="offending/duplicate_share"),)
    values = dict.fromkeys(KPIS, 1234.5) | {"duplicate_share": 0.0155, "spend_shift": None}
    series = (replace(SERIES, title=f"Bills{text}"),)
    return Report("acme", "2024-04-01T00:00:00", values, findings, SHAPES, series, () if passed else rows)


def dossier(text: str = "", passed: bool = True, **changed: Any) -> Dossier:
    made = Dossier(
        "acme", "passed" if passed else "blocked", NOW, () if passed else (f"Copies{text}.",), (), report(text, passed),
        audits=(offence("not_null", [{"text": f"x{text}"}], False, "quarantine/line_items"),),
        tables=(TableRow("line_items", True, 20_114, 19_802, 312, 4, {f"drop{text}": 7}),),
        models=(ModelRow("churn", "passed"), ModelRow("item2vec", "blocked", f"12 % of items have words{text}")),
        vertical="gifts", currency="GBP", timezone="UTC", first_sale="2023-01-01T00:00:00",
    )  # fmt: skip
    return replace(made, **changed)


ROWLESS = {"report": None, "tables": (), "models": (), "audits": (offence("column_type"),), "first_sale": None}
PAGES = {
    "passed": render_customer(dossier()),
    "blocked": render_customer(dossier(EVIL, passed=False), index=True),
    "blocked before KPIs": render_customer(dossier(passed=False, **ROWLESS)),
    "not judged": render_customer(Dossier("acme", "not judged", NOW)),
    "no file": render_customer(Dossier("acme", "failed", NOW, ("acme.yaml:3: no",), (Trouble("raw/bills", "x"),))),
    "everyone": render_everyone([dossier(EVIL), dossier(EVIL, False), Dossier("zoe", "not judged", NOW)]),
    "nobody": render_everyone([]),
}


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_loaded_or_run(name: str) -> None:
    page = Page(PAGES[name])
    assert not {"script", "img", "link", "iframe", "object", "embed", "base", "form"} & set(page.tags())
    assert not [key for one in page.elements for key in one.attributes if key.startswith("on") or key == "style"]
    assert all(target.startswith("#") or target in ("index.html", "acme.html", "zoe.html") for target in page.reaches())
    assert "url(" not in page.source
    assert "@import" not in page.source
    policy = [one.attributes["content"] for one in page.all("meta") if "http-equiv" in one.attributes]
    assert policy[0].startswith("default-src 'none'")
    assert len(page.source.encode()) < 120_000


@pytest.mark.parametrize("name", PAGES)
def test_it_can_be_read_without_eyes_colours_or_a_mouse(name: str) -> None:
    page = Page(PAGES[name])
    assert page.all("html")[0].attributes["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("title")) - len(_within_svg(page)) == 1
    assert all(one.attributes.get("scope") in ("col", "row") for one in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    for one in page.elements:
        if one.attributes.get("class") == "scroll":
            assert (one.attributes["role"], one.attributes["tabindex"]) == ("region", "0")
            assert one.attributes["aria-label"]
        assert set(one.attributes.get("aria-labelledby", "").split()) <= set(ids)
        assert one.attributes.get("href", "#")[1:] in ["", *ids] or not one.attributes["href"].startswith("#")
    for picture in page.all("svg"):
        assert picture.attributes["role"] == "img"
        assert picture.attributes["aria-labelledby"]
    assert all(one.text.strip() for one in page.all("desc"))


def _within_svg(page: Page) -> list[Any]:
    return page.all("title")[1:]


def test_a_blocked_customer_s_page_says_what_where_and_what_to_do() -> None:
    text = " ".join(Page(PAGES["blocked"]).text().split())
    assert text.index("blocked") < text.index("Copies") < text.index("What to mend") < text.index("Every KPI")
    for told in (
        "may not be used yet", "Duplicate share", "three times what Mondays vary", "own history",
        "Mend duplicate_share.", "312", "1.55 %", "at least 1 %, at most 5 %", "tea</title>",
        "offending/duplicate_share",
        "capflow quarantine acme offending/duplicate_share --out duplicate_share.parquet",
        "capflow quarantine acme line_items --out line_items.parquet", "set aside", "item2vec", "20,114", "19,802",
        "11 days before this page was written", "All customers",
    ):  # fmt: skip
        assert told in text, told
    assert text.count("<script>alert(1)</script>") >= 6, "shown as text"


def test_every_kpi_has_its_row() -> None:
    page = Page(PAGES["passed"])
    rows = {one.text for one in page.all("th") if one.attributes["scope"] == "row"}
    assert all(any(row.endswith(kpi) for row in rows) for kpi in KPIS)
    text = page.text()
    assert all(counts in text for counts in KPIS.values())
    assert "may be used: no check blocks, and one thing is odd" in text
    assert "1,234.50 GBP" in text
    assert "not judged" in text


def test_a_customer_that_was_blocked_before_its_kpis_has_a_page() -> None:
    text = Page(PAGES["blocked before KPIs"]).text()
    assert "No KPIs could be measured yet" in text
    assert "column_type broke." in text
    earlier = Page(render_customer(dossier(passed=False, current=False))).text()
    assert "are of the data before" in earlier


def test_the_worst_customers_come_first_and_each_has_a_link() -> None:
    page = Page(PAGES["everyone"])
    assert [one.text for one in page.all("a")] == ["acme", "zoe", "acme"]
    assert [one.text for one in page.all("td") if "tag" in one.attributes.get("class", "")] == [
        "blocked", "not judged", "passed",
    ]  # fmt: skip
    assert page.text().count("11 days") == 2


@settings(max_examples=12, deadline=None)
@given(st.text(max_size=40))
def test_no_text_of_a_retailer_becomes_markup(text: str) -> None:
    plain, odd = (Page(render_customer(dossier(one, passed=False))) for one in ("", text))
    assert odd.tags() == plain.tags()


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.integers(0, 1096), st.integers(1, 10**9), min_size=1), st.sampled_from([1096, 366, 50]))
def test_bars_stand_on_the_axis_and_are_as_high_as_what_they_count(counts: dict[int, int], limit: int) -> None:
    clipped: dict[int, int] = {}
    for value, count in counts.items():
        clipped[min(value, limit)] = clipped.get(min(value, limit), 0) + count
    shape = Distribution("n", "t", "x", "y", limit, tuple(sorted(clipped.items())))
    chart, (_, drawn, beyond) = draw_histogram(shape), group_bars(shape)
    heights = [count for _, count in drawn] + ([beyond] if beyond else [])
    assert len(chart.bars) == len(heights)
    unit = max(bar.height for bar in chart.bars) / max(heights)
    for bar, count in zip(chart.bars, heights, strict=True):
        assert bar.height == pytest.approx(count * unit, abs=0.2)
        assert bar.y + bar.height == pytest.approx(chart.height - BOTTOM, abs=0.11)
        assert 0 < bar.x < bar.x + bar.width < WIDTH
        assert bar.y >= 0
    assert all(0 < tick.at < WIDTH for tick in chart.x_ticks)


def test_days_outside_their_band_are_dots() -> None:
    chart = draw_series(SERIES)
    assert [dot.text for dot in chart.dots] == [
        "2024-02-02: 60 bills, expected at least 3 and at most 9",
        "2024-02-03: 6 bills, expected at least 7 and at most 9",
    ]
    assert len(chart.lines) == 2
    assert len(chart.bands) == 1
    assert chart.words.endswith("2 of 4 days lie outside what was expected.")
    assert [tick.text for tick in chart.x_ticks] == ["2024-01-30", "2024-02-03"]
    assert draw_series(replace(SERIES, values=(None,), low=(None,), high=(None,))).note
    one = draw_series(replace(SERIES, values=(0.0,), low=(None,), high=(None,)))
    assert len(one.lines) == 1
