"""A home with two sound customers and a blocked one, `capflow dev` on it, and Chromium in front of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from playwright.sync_api import Page, sync_playwright

from capflow_assets.simulator import Retailer, customer_file, simulate, write
from tests.browser.screen import LOAD_MS, SIZE, Screen
from tests.browser.served import REPOSITORY, Served, command, dev
from tests.conftest import ASKED

KEPT = os.environ.get("CAPFLOW_SCREENSHOTS") == "1"  # keep the README's pictures, of more shoppers than tests need
SHOP = Retailer("shop", "fashion", 3000 if KEPT else 300, date(2025, 5, 1), 549, seed=5, timezone="UTC")
CUSTOMERS = {"ann": (), "bob": ("duplicated_load",), "cleo": ()}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> str:
    """The browser's program."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not found:
        pytest.skip("no Chromium: install Debian's package chromium, or set CHROMIUM to the browser's program")
    return found


@pytest.fixture(scope="module")
def page(chromium: str) -> Iterator[Page]:
    """An empty browser window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport=SIZE, locale="en-US", timezone_id="UTC")
        page.set_default_timeout(LOAD_MS)
        yield page
        browser.close()


@pytest.fixture(scope="module")
def served(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The UI of a home in which churn, for the README's pictures everything, was run for every customer."""
    home = tmp_path_factory.mktemp("ui")
    (home / "customers").mkdir()
    for name, defects in CUSTOMERS.items():
        retailer = replace(SHOP, name=name, defects=defects)
        write(simulate(retailer), "parquet", home / "data" / name)
        text = customer_file(retailer, "parquet", str(home / "data" / name)).replace("models: all", ASKED)
        (home / "customers" / f"{name}.yaml").write_text(text, encoding="utf-8")
    asked = ("run", "--all") if KEPT else ("run", "--all", "--model", "churn")
    done = subprocess.run(**command(home, *asked), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 3, done.stdout + done.stderr  # one customer blocked, the others done
    with dev(home) as served:
        served.ask("mutation {setNuxSeen}")  # the invitation to Dagster's newsletter would cover the first page
        yield served


@pytest.fixture(scope="module")
def screen(page: Page, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Screen:
    """The browser in front of the UI, with the navigation folded to leave the pages room."""
    folder = REPOSITORY / "docs" / "images" if KEPT else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    screen = Screen(page, served.url, folder)
    screen.open("/runs")
    screen.press("Hide navigation")
    return screen


@pytest.fixture(scope="module")
def backfills(screen: Screen) -> dict[str, str]:
    """Two backfills asked for in the browser: the ids by asset."""
    return {
        "validated/users": screen.backfill("validated/users", ["ann", "cleo"]),
        "features/rfm": screen.backfill("features/rfm", ["ann", "bob", "cleo"]),
    }
