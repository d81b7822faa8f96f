"""No row is lost: it is used, set aside with its reason, or left out as the customer wishes; and it may come back."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from capflow_assets.contract.outcome import Outcome
from capflow_assets.quarantine.held_rows import QuarantineError, export, list_held
from capflow_assets.quarantine.readmission import Readmission, readmit
from tests.worlds import accounts
from tests.worlds.tiny_shop import TinyShop, lines

LINES = ["raw/line_items", "validated/line_items"]
BILLS = [*LINES, "raw/bills", "validated/bills"]
PRICES = [2.5, 3.5] * 240


@pytest.fixture
def shop(tmp_path: Path) -> TinyShop:
    return TinyShop(tmp_path)


def bad_prices(count: int) -> dict[str, list[Any]]:
    """480 lines, of which the first so many have a negative price."""
    return lines(Price=[-1.0 - place for place in range(count)] + PRICES[count:])


def audit_of(shop: TinyShop, table: str = "line_items") -> dict[str, Any]:
    return accounts.audit_of(shop.home, "acme", table)


def out(shop: TinyShop, path: Path, asset: str = "quarantine/line_items") -> pd.DataFrame:
    run = shop.open()
    try:
        assert export(run, asset, path) > 0
    finally:
        run.close()
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str, keep_default_na=False)


def back(shop: TinyShop, path: Path, as_they_are: bool = False) -> Readmission:
    run = shop.open()
    try:
        return readmit(run, "line_items", path, as_they_are, "ann", "the till was new")
    finally:
        run.close()


def accounted(shop: TinyShop, table: str = "line_items") -> None:
    accounts.accounted(shop.home, "acme", table)


def test_bad_rows_lie_in_quarantine_whether_the_table_passes_or_not(shop: TinyShop) -> None:
    for count, status in ((2, "done"), (200, "blocked")):
        outcome = shop.sends("line_items", bad_prices(count)).run(LINES)["validated/line_items"]
        assert outcome.status == status, outcome.reason
        aside = shop.rows("quarantine/line_items")
        assert len(aside) == count
        assert {row["reason"] for row in aside} == {"unit_price breaks greater_than_or_equal_to(0)"}
        found = audit_of(shop)
        assert (found["passed"], found["set_aside"], found["accepted"]) == (status == "done", count, 480 - count)
        offence = found["offences"][0]
        assert (offence["rows"], offence["rows_at"]) == (count, "quarantine/line_items")
        assert (offence["check"], offence["column"]) == ("greater_than_or_equal_to", "unit_price")
        assert len(offence["sample"]) == min(count, 5)
        accounted(shop)
    assert shop.rows("validated/line_items"), "what passed before is still there"


def test_quarantine_never_tells_of_yesterday(shop: TinyShop) -> None:
    shop.sends("line_items", bad_prices(2)).run(LINES)
    shop.sends("line_items", lines()).run(LINES)
    assert shop.rows("quarantine/line_items") == []
    assert audit_of(shop)["offences"] == []
    accounted(shop)


def test_a_bound_that_was_tried_and_taken_back_leaves_no_trace(shop: TinyShop) -> None:
    shop.sends("line_items", bad_prices(4)).write_file("{invalid_share: 0.001}")
    assert shop.run(LINES)["validated/line_items"].status == "blocked"
    shop.write_file("{invalid_share: 0.01}")
    assert shop.run(LINES)["validated/line_items"].status == "done"
    assert audit_of(shop)["passed"]
    assert shop.run(LINES)["validated/line_items"].status == "reused"


def test_what_the_customer_s_file_leaves_out_is_counted_by_reason(shop: TinyShop) -> None:
    rows = lines()
    rows = {name: [*values, *values[:3]] for name, values in rows.items()}
    shop.sends("line_items", rows).write_file(line_items="drop_items: [i0]\n    drop_duplicates: true")
    shop.sends("items", {"Item": ["i1", "i1", "i2", None], "Text": ["a", "b", "c", "d"]})
    shop.write_file(items="distinct: true").run([*LINES, "raw/items", "validated/items"])
    sent = Counter(rows["Item"])
    assert sent["i0"] > 60
    left_out = audit_of(shop)["left_out"]
    copies = sum(item != "i0" for item in rows["Item"][:3])
    assert left_out == {"drop_items: I0": sent["i0"], "drop_duplicates": copies}
    assert audit_of(shop, "items")["left_out"] == {"distinct": 2}
    accounted(shop)
    accounted(shop, "items")


def test_a_corrected_row_comes_back_once_and_stays(shop: TinyShop, tmp_path: Path) -> None:
    shop.sends("line_items", bad_prices(3)).run(LINES)
    file = tmp_path / "bad.csv"
    frame = out(shop, file)
    assert set(frame["reason"]) == {"unit_price breaks greater_than_or_equal_to(0)"}
    frame.loc[0, ["unit_price", "amount"]] = ["7.25", "7.25"]
    frame.loc[1, "unit_price"] = "-9"
    frame.to_csv(file, index=False)
    told = back(shop, file)
    assert (told.rows, told.unchanged) == (2, 1)
    assert told.still_broken == {"unit_price breaks greater_than_or_equal_to(0)": 1}
    outcome = shop.run(LINES)["validated/line_items"]
    assert (outcome.status, outcome.facts["readmitted"], outcome.facts["set_aside"]) == ("done", 1, 2)
    assert sorted(row["unit_price"] for row in shop.rows("quarantine/line_items"))[0] == -9.0
    found = audit_of(shop)
    assert (found["given_back"], found["waiting"]) == ({"corrected": 1}, 1)
    accounted(shop)
    assert Counter(row["unit_price"] for row in shop.rows("validated/line_items"))[7.25] == 1
    run = shop.open()
    assert run.version("validated/line_items").facts["inputs"]["readmitted/line_items"] == 0  # type: ignore[union-attr]
    run.close()
    assert shop.run(LINES)["validated/line_items"].status == "reused"

    with_more = {name: [*values, *values[-1:]] for name, values in bad_prices(3).items()}
    with_more["Bill"][-1] = "new"
    outcome = shop.sends("line_items", with_more).run(LINES)["validated/line_items"]
    assert outcome.facts["readmitted"] == 1, "the same raw rows, loaded again with a new one"
    assert Counter(row["unit_price"] for row in shop.rows("validated/line_items"))[7.25] == 1
    accounted(shop)
    entries = shop.rows("readmitted/line_items")
    assert [(row["who"], row["why"], row["how"]) for row in entries] == [("ann", "the till was new", "corrected")] * 2
    assert {row["changed"] for row in entries} == {",unit_price,amount,", ",unit_price,"}


def test_a_row_that_the_source_has_corrected_itself_is_not_there_twice(shop: TinyShop, tmp_path: Path) -> None:
    shop.sends("line_items", bad_prices(1)).run(LINES)
    file = tmp_path / "bad.parquet"
    out(shop, file).assign(unit_price=7.25).to_parquet(file)
    back(shop, file)
    assert shop.run(LINES)["validated/line_items"].facts["readmitted"] == 1
    outcome = shop.sends("line_items", lines()).run(LINES)["validated/line_items"]
    assert (outcome.facts["readmitted"], outcome.facts["rows"], audit_of(shop)["waiting"]) == (0, 480, 1)
    accounted(shop)


def test_rows_accepted_as_they_are_stay_as_they_are(shop: TinyShop, tmp_path: Path) -> None:
    shop.sends("line_items", bad_prices(200)).run(LINES)
    file = tmp_path / "bad.csv"
    out(shop, file).drop(columns=["unit_price"]).to_csv(file, index=False)
    assert back(shop, file, as_they_are=True).rows == 200
    outcome = shop.run(LINES)["validated/line_items"]
    assert (outcome.status, outcome.facts["readmitted"], outcome.facts["set_aside"]) == ("done", 200, 0)
    assert sum(row["unit_price"] < 0 for row in shop.rows("validated/line_items")) == 200
    assert shop.rows("quarantine/line_items") == []
    accounted(shop)


def test_rows_that_nothing_can_be_computed_with_are_refused(shop: TinyShop, tmp_path: Path) -> None:
    rows = bad_prices(2)
    rows["At"] = [None, *rows["At"][1:]]
    shop.sends("line_items", rows).write_file("{invalid_share: 0.5}").run(LINES)
    file = tmp_path / "bad.csv"
    out(shop, file)
    with pytest.raises(QuarantineError, match=r"ts is empty \(1\): such rows of line_items cannot be accepted"):
        back(shop, file, as_they_are=True)
    assert shop.rows("readmitted/line_items") == []


BROKEN_FILES = {
    "given back twice over": (lambda frame: pd.concat([frame, frame]), "2 of its rows do not lie in quarantine"),
    "another row": (lambda frame: frame.assign(row_id="0" * 32), "do not lie in quarantine"),
    "no row_id": (lambda frame: frame.drop(columns="row_id"), "has no column row_id"),
    "a row without one": (lambda frame: frame.assign(row_id=""), "the first has row_id empty"),
    "a new column": (lambda frame: frame.rename(columns={"unit_price": "unitprice"}), "did you mean 'unit_price'?"),
    "no number": (lambda frame: frame.assign(unit_price="seven"), "unit_price 'seven' cannot be read as float64"),
    "no date": (lambda frame: frame.assign(ts="31/31/2026"), "ts '31/31/2026' cannot be read as timestamp"),
    "nothing corrected": (lambda frame: frame, "no row differs from quarantine/line_items"),
}


@pytest.fixture(scope="module")
def two_bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[TinyShop, pd.DataFrame]:
    shop = TinyShop(tmp_path_factory.mktemp("two_bad"))
    shop.sends("line_items", bad_prices(2)).run(LINES)
    return shop, out(shop, shop.folder / "bad.csv")


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_a_file_that_cannot_be_taken_changes_nothing(
    two_bad: tuple[TinyShop, pd.DataFrame], case: str, tmp_path: Path
) -> None:
    shop, frame = two_bad
    change, told = BROKEN_FILES[case]
    file = tmp_path / "sent.csv"
    change(frame).to_csv(file, index=False)
    with pytest.raises(QuarantineError) as caught:
        back(shop, file)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert shop.rows("readmitted/line_items") == []


def test_given_back_once_more_before_a_run_the_later_word_counts(shop: TinyShop, tmp_path: Path) -> None:
    shop.sends("line_items", bad_prices(1)).run(LINES)
    frame = out(shop, tmp_path / "bad.csv")
    for price in ("7", "8"):
        frame.assign(unit_price=price).to_csv(tmp_path / "sent.csv", index=False)
        back(shop, tmp_path / "sent.csv")
    assert len(shop.rows("readmitted/line_items")) == 1
    shop.run(LINES)
    assert Counter(row["unit_price"] for row in shop.rows("validated/line_items"))[8.0] == 1


def test_rows_that_are_alike_are_given_back_one_by_one(shop: TinyShop, tmp_path: Path) -> None:
    rows = bad_prices(0)
    rows = {name: [*values, *[values[0]] * 2] for name, values in rows.items()}
    rows["Price"][-2:] = [-5.0] * 2
    shop.sends("line_items", rows).run(LINES)
    for left in (1, 0):
        frame = out(shop, tmp_path / "bad.csv")
        assert len(frame) == left + 1
        frame.head(1).assign(unit_price="5").to_csv(tmp_path / "sent.csv", index=False)
        back(shop, tmp_path / "sent.csv")
        assert shop.run(LINES)["validated/line_items"].facts["set_aside"] == left
        accounted(shop)


def test_a_given_back_row_never_pushes_out_one_that_is_sent(shop: TinyShop, tmp_path: Path) -> None:
    shop.sends("line_items", lines()).sends("items", {"Item": ["a", "b", "b"], "Text": ["one", "two", "three"]})
    shop.write_file("{invalid_share: 0.5}").run(["raw/items", "validated/items"])
    frame = out(shop, tmp_path / "bad.csv", "quarantine/items")
    frame.assign(item_id="a", description="a first").to_csv(tmp_path / "sent.csv", index=False)
    run = shop.open()
    readmit(run, "items", tmp_path / "sent.csv", False, "ann", "")
    run.close()
    outcome: Outcome = shop.run(["raw/items", "validated/items"])["validated/items"]
    assert outcome.facts["set_aside"] == 1
    assert {row["description"] for row in shop.rows("validated/items") if row["item_id"] == "a"} == {"one"}


def test_the_rows_to_blame_for_a_kpi_are_listed_and_written(shop: TinyShop, tmp_path: Path) -> None:
    free = [0.0 if place % 2 else 2.5 for place in range(480)]
    shop.sends("line_items", lines(Price=free)).run([*BILLS, "validation/report"])
    run = shop.open()
    listed = {one.asset: one.rows for one in list_held(run)}
    report = json.loads(run.report().report)
    run.close()
    assert listed["offending/zero_price_share"] == 240
    offence = next(one for one in report["offences"] if one["check"] == "zero_price_share")
    assert (offence["table"], offence["rows"], offence["share"]) == ("line_items", 240, 0.5)
    assert (offence["rows_at"], len(offence["sample"])) == ("offending/zero_price_share", 5)
    assert set(out(shop, tmp_path / "free.parquet", "offending/zero_price_share")["unit_price"]) == {0.0}
    shop.sends("line_items", lines()).run([*BILLS, "validation/report"])
    assert shop.rows("offending/zero_price_share") == []
