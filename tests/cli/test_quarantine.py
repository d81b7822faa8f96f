"""`capflow quarantine` lists, writes and takes back what was set aside; a mistake is one line and exit code 2."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.worlds.tiny_shop import TinyShop, lines

Capflow = Callable[..., tuple[int, str, str]]
ASSETS = ["raw/line_items", "validated/line_items"]
REASON = "unit_price breaks greater_than_or_equal_to(0)"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> TinyShop:
    """Two lines of 480 have a negative price."""
    made = TinyShop(tmp_path_factory.mktemp("cli"))
    made.sends("line_items", lines(Price=[-1.0, -2.0] + [2.5] * 478)).run(ASSETS)
    return made


@pytest.fixture
def capflow(capflow: Capflow, shop: TinyShop) -> Capflow:
    return lambda *words: capflow("quarantine", *words, "--home", str(shop.home.path))


def test_rows_are_listed_written_corrected_and_given_back(capflow: Capflow, shop: TinyShop, tmp_path: Path) -> None:
    code, told, _ = capflow("acme")
    assert (code, told.split("\n")[0]) == (0, "quarantine/line_items: 2 rows")
    assert REASON in told
    code, told, _ = capflow("acme", "line_items", "--json")
    assert json.loads(told) == [{"asset": "quarantine/line_items", "reason": REASON, "rows": 2}]
    file = tmp_path / "bad.csv"
    assert capflow("acme", "line_items", "--out", str(file))[:2] == (0, f"2 rows in {file}\n")
    file.write_text(file.read_text().replace("-1.0", "1.0"))
    code, told, _ = capflow("acme", "line_items", "--readmit", str(file), "--why", "a typo")
    assert code == 0
    assert told.startswith("acme: 1 rows of line_items given back corrected; they count from the next run on:")
    assert "1 rows of the file were not corrected and stay in quarantine." in told
    assert shop.run(ASSETS)["validated/line_items"].facts["readmitted"] == 1
    assert [row["why"] for row in shop.rows("readmitted/line_items")] == ["a typo"]
    assert capflow("acme", "line_items", "--out", str(file))[0] == 0
    code, told, _ = capflow("acme", "line_items", "--readmit", str(file), "--as-they-are", "--json")
    assert json.loads(told) == {"table": "line_items", "rows": 1, "unchanged": 0, "still_broken": {}}
    shop.run(ASSETS)
    assert capflow("acme")[:2] == (0, "no row of 'acme' is set aside\n")
    told = capflow("acme", "line_items", "--undo")[1]
    assert re.match(
        r"acme: 1 rows of line_items, given back by \S+ on 20.* UTC \(given back by hand\), no longer", told
    )
    assert shop.run(ASSETS)["validated/line_items"].facts["set_aside"] == 1
    assert json.loads(capflow("acme", "line_items", "--undo", "--json")[1])["why"] == "a typo"
    assert shop.run(ASSETS)["validated/line_items"].facts["set_aside"] == 2
    assert capflow("acme", "line_items", "--readmit", str(file), "--as-they-are")[0] == 0
    assert shop.run(ASSETS)["validated/line_items"].facts["set_aside"] == 1
    assert capflow("acme", "line_items", "--undo")[0] == 0
    code, out, err = capflow("acme", "line_items", "--undo")
    assert (code, out) == (2, "")
    assert "no row of line_items of 'acme' is given back: there is nothing to undo" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["acme", "--out", "x.csv"], "name the TABLE too"),
        (["acme", "line_items", "--out", "x.doc"], "must end in one of .csv, .parquet, .json"),
        (["acme", "line_items", "--as-they-are"], "needs --readmit FILE"),
        (["acme", "line_items", "--undo", "--out", "x.csv"], "--undo stands alone"),
        (["acme", "--undo"], "name the TABLE too"),
        (["acme", "line_items", "--out", "x.csv", "--readmit", "y.csv"], "are two steps"),
        (["acm"], "no customer 'acm'"),
        (["acme", "users"], "'acme' has no rows in quarantine/users"),
        (["acme", "offending/return_share", "--out", "x.csv"], "has no rows in offending/return_share"),
    ],
)
def test_mistakes_are_one_line(capflow: Capflow, words: list[str], told: str) -> None:
    code, out, err = capflow(*words)
    assert (code, out) == (2, "")
    assert told in err
    assert len(err.strip().splitlines()) == 1
