"""Sources that cannot tell whether they changed, and sources whose columns are no longer what they were."""

import pytest

from capflow_assets.contract.outcome import Blocked
from capflow_resources.sources import SourceError
from capflow_resources.sources.files import csv, parquet
from tests.raw.till import Till, day, read_whole

ROWS = [("b1", "tea", 2.0, day(1)), ("b2", "mug", 5.0, day(5)), ("b2", "mug", 5.0, day(5))]
PRICES = [2.0, 5.0, 5.0]


@pytest.fixture
def till(tmp_path):
    till = Till(tmp_path)
    till.sends(ROWS)
    till.load()
    return till


@pytest.fixture
def mute(monkeypatch):
    """Files whose state cannot be told without reading them."""
    for kind in (parquet, csv):
        monkeypatch.setattr(kind, "state", lambda *_: None)


def test_the_same_rows_in_another_order_make_no_new_version(mute, till):
    till.sends(ROWS[::-1])
    outcome = till.load()
    assert (outcome.status, outcome.facts["version"], outcome.facts["rows"]) == ("reused", 0, 3)
    assert outcome.reason == "read again, unchanged since version 0"


@pytest.mark.parametrize(
    "rows",
    [
        [*ROWS[:2], ("b2", "mug", 5.01, day(5))],
        ROWS[:2],
        [*ROWS, ROWS[0]],
        [ROWS[0], ROWS[0], ROWS[1]],
        [ROWS[0], ("b2", "mug", None, day(5)), ROWS[2]],
        [("b1", "mug", 2.0, day(1)), ("b2", "tea", 5.0, day(5)), ROWS[2]],
    ],
    ids=["a value", "one gone", "one more", "other copies", "a value gone", "two swapped"],
)
def test_other_rows_are_taken_over(mute, till, rows):
    till.sends(rows)
    assert till.load().status == "done"
    assert till.stored() == read_whole(rows)


def test_force_takes_over_the_same_rows_too(mute, till):
    assert till.load(force=True).facts["version"] == 1


def test_the_same_text_is_the_same_in_a_csv_file(mute, tmp_path):
    till = Till(tmp_path, kind="csv")
    till.sends(ROWS)
    till.load()
    till.sends(ROWS[::-1])
    assert till.load().status == "reused"


def test_an_added_column_is_reported_once_and_stops_nothing(till):
    till.sends(ROWS, Colour=["red", "red", "blue"])
    outcome = till.load()
    assert (outcome.status, outcome.facts["new_columns"]) == ("done", ["Colour"])
    till.sends(ROWS[:2], Colour=["red", "red"])
    assert "new_columns" not in till.load().facts


def test_a_column_that_is_not_mapped_may_go(till):
    till.sends(ROWS, Changed=None)
    outcome = till.load()
    assert (outcome.status, outcome.facts["gone_columns"]) == ("done", ["Changed"])


def test_a_new_column_is_reported_though_the_rows_are_the_same(mute, till):
    till.sends(ROWS, Colour=["red", "red", "blue"])
    outcome = till.load()
    assert (outcome.status, outcome.facts["new_columns"]) == ("reused", ["Colour"])


@pytest.mark.parametrize("mute_too", [False, True], ids=["tells", "mute"])
def test_a_mapped_column_that_is_gone_stops_the_table(till, request, mute_too):
    if mute_too:
        request.getfixturevalue("mute")
    till.sends(ROWS, Price=None, Prize=PRICES)
    for _ in range(2):
        with pytest.raises(SourceError, match="no column 'Price'; did you mean 'Prize'"):
            till.load()
    assert till.stored() == read_whole(ROWS)


def test_a_mapped_column_of_another_type_blocks_until_it_is_accepted(till):
    till.sends(ROWS, Price=["2", "5", "5"])
    for _ in range(2):
        with pytest.raises(Blocked) as caught:
            till.load()
        assert str(caught.value) == (
            "source 'sales' of 'acme': column 'Price' held numbers (float64) and now holds text (string). Correct it "
            "at the source, or accept it (all is read again): `capflow run --customer acme --force`."
        )
    assert till.stored() == read_whole(ROWS)
    assert till.load(force=True).status == "done"
    assert till.stored()[0] == ("b1", "tea", "2")
    till.sends(ROWS[:2], Price=["2", "6"])
    assert till.load().status == "done"


def test_whole_numbers_that_become_decimals_are_still_numbers(tmp_path):
    till = Till(tmp_path, "{watermark: Changed, lateness_days: 3}")
    till.sends(ROWS, Price=[2, 5, 5])
    till.load()
    rows = [*ROWS, ("b3", "pot", 1.5, day(6))]
    till.sends(rows)
    assert till.load().facts["mode"] == "incremental"
    assert till.stored() == read_whole(rows)


def test_a_column_that_no_type_holds_with_the_stored_one_reads_everything_again(tmp_path):
    till = Till(tmp_path, "{watermark: Changed, lateness_days: 3}")
    till.sends(ROWS, Price=[None, None, None])
    till.load()
    till.sends([*ROWS, ("b3", "pot", 9.0, day(6))])
    assert till.load().status == "done"
    assert till.stored()[-1] == ("b3", "pot", 9.0)


def test_another_mapping_or_place_is_not_compared_with_the_old_one(till):
    till.sends(ROWS, Price=["2", "5", "5"], Amount=PRICES)
    till.change_file("", Price="Amount")
    outcome = till.load()
    assert (outcome.status, "new_columns" in outcome.facts) == ("done", False)


def test_csv_columns_are_text_whatever_they_hold(tmp_path):
    till = Till(tmp_path, kind="csv")
    till.sends(ROWS)
    till.load()
    till.sends(ROWS, Price=["two", "five", "five"])
    assert till.load().status == "done"
