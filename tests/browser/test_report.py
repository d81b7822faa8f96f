"""The report on a customer, opened from the disk in a real browser that reaches no network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.validation.html import render_customer, render_everyone
from capflow_assets.validation.page import gather_dossier
from tests.browser.served import REPOSITORY
from tests.validation.judged_home import EVIL, judged_home

KEPT = os.environ.get("CAPFLOW_SCREENSHOTS") == "1"
PICTURES = """() => [...document.querySelectorAll('svg')].map(picture => ({
    wide: picture.getBoundingClientRect().width, high: picture.getBoundingClientRect().height,
    drawn: [...picture.querySelectorAll('rect, path, circle')].filter(shape => {
        const box = shape.getBBox(); return box.width > 0 && (box.height > 0 || shape.matches('path'))}).length,
    words: picture.querySelector('desc').textContent, note: !!picture.querySelector('.note')}))"""
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1200, "height": 1400}


@pytest.fixture(scope="module")
def site(shop_data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pages of all customers."""
    folder = tmp_path_factory.mktemp("site")
    home = judged_home(tmp_path_factory, shop_data)
    found = [gather_dossier(CustomerRun(home, name)) for name in ("ann", "bob")]
    for one in found:
        (folder / f"{one.customer}.html").write_text(render_customer(one, index=True), encoding="utf-8")
    (folder / "index.html").write_text(render_everyone(found), encoding="utf-8")
    return folder


@pytest.fixture
def alone(page: Page) -> tuple[Page, list[str]]:
    """The browser without a network, and every address that it asks for."""
    asked: list[str] = []
    page.context.set_offline(True)
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size(WIDE)
    return page, asked


def test_every_plot_is_drawn_and_nothing_else_is_loaded(alone: tuple[Page, list[str]], site: Path) -> None:
    page, asked = alone
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    for name in ("index", "ann", "bob"):
        page.goto((site / f"{name}.html").as_uri())
        pictures = page.evaluate(PICTURES)
        assert len(pictures) >= (0 if name == "index" else 3)
        for picture in pictures:
            assert picture["wide"] > 300
            assert picture["high"] > 80
            assert picture["drawn"] > 0 or picture["note"], picture["words"]
        assert page.evaluate("document.images.length") == page.evaluate("document.scripts.length") == 0
    assert asked == [(site / f"{name}.html").as_uri() for name in ("index", "ann", "bob")]
    assert faults == []


def test_a_description_that_tries_to_run_is_shown_and_not_run(alone: tuple[Page, list[str]], site: Path) -> None:
    page, asked = alone
    page.goto((site / "bob.html").as_uri())
    expect(page.get_by_text("window.ran = true").first).to_be_visible()
    shown = page.locator("table.sample td").all_inner_texts()
    assert EVIL in shown
    assert page.evaluate("window.ran") is None
    assert len(asked) == 1


def test_an_analyst_finds_what_to_do(alone: tuple[Page, list[str]], site: Path) -> None:
    page, _ = alone
    page.goto((site / "index.html").as_uri())
    page.get_by_role("link", name="bob").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("bob")
    expect(page.get_by_role("region", name="Verdict")).to_contain_text("set tables.line_items.drop_duplicates: true")
    expect(page.get_by_role("heading", name="Duplicate share")).to_contain_text("blocks")
    kpi = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="share duplicate_share"))
    expect(kpi).to_contain_text("at most 5 %")
    expect(page.get_by_role("img", name="Latency: days between visits")).to_be_visible()
    _picture(page, "report")
    page.get_by_role("link", name="All customers").click()
    expect(page.get_by_role("rowheader", name="ann")).to_be_visible()
    _picture(page, "reports")


def test_it_fits_a_telephone_and_paper_and_the_dark(alone: tuple[Page, list[str]], site: Path) -> None:
    page, _ = alone
    page.goto((site / "bob.html").as_uri())
    page.set_viewport_size(NARROW)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light
    page.emulate_media(media="screen", color_scheme="light")
    assert page.pdf()[:5] == b"%PDF-"


def _picture(page: Page, name: str) -> None:
    if KEPT:
        page.screenshot(path=REPOSITORY / "docs" / "images" / f"{name}.png")
