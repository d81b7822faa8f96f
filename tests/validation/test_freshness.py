"""A feed that has stopped is told of, though no new data ever asks for a new report."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path

import pytest

from capflow_assets.validation import asset as report
from tests.worlds.tiny_shop import TinyShop, lines

REPORT = "validation/report"
ASSETS = ["raw/line_items", "validated/line_items", "validated/bills", REPORT]


class Clock(datetime):
    """A clock that stands still."""

    moment = datetime(2026, 7, 10)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return cls.moment.replace(tzinfo=tz)


def test_time_alone_makes_a_report_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last sale is of 5 July: after 35 days that is a warning, and the run that finds it makes the report anew."""
    monkeypatch.setattr(report, "datetime", Clock)
    shop, told = TinyShop(tmp_path).sends("line_items", lines()), []
    for moment in (datetime(2026, 7, 10), datetime(2026, 8, 1), datetime(2026, 9, 1), datetime(2026, 9, 20)):
        monkeypatch.setattr(Clock, "moment", moment)
        found = shop.run(ASSETS)[REPORT]
        told.append((found.status, any("no sale has come in" in text for text in found.facts["warnings"])))
    assert told == [("done", False), ("reused", False), ("done", True), ("reused", True)]
    shop.sends("line_items", lines(visits=10))
    assert not any("no sale has come in" in text for text in shop.run(ASSETS)[REPORT].facts["warnings"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("expected", "[{from: 2026-02-01, why: a fair}]"),
        ("thresholds", "{return_share: 0.4}"),
        ("models", "[rfm_segments]"),
    ],
)
def test_what_the_customer_file_says_makes_a_report_anew(tmp_path: Path, key: str, value: str) -> None:
    shop = TinyShop(tmp_path).sends("line_items", lines())
    assert shop.run(ASSETS)[REPORT].status == "done"
    assert shop.run(ASSETS)[REPORT].status == "reused"
    shop.said[key] = value
    shop.write_file()
    assert shop.run(ASSETS)[REPORT].status == "done"
