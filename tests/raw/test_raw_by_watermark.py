"""Reading by a watermark: late, restated and deleted rows, wrong clocks, and what makes all be read again."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capflow_assets.raw import asset as raw
from capflow_assets.raw.source_rows import source_rows
from capflow_resources.lake import Lake
from capflow_resources.sources import SourceError
from capflow_resources.sources.columns import WATERMARK
from tests.raw.till import ASSET, Till, day, read_whole

BY_TIME = "{watermark: Changed, lateness_days: 3}"
BY_BILL = "{watermark: Changed, lateness_days: 3, key: [bill_id]}"

FIRST = [("b1", "tea", 2.0, day(1)), ("b2", "mug", 5.0, day(5)), ("b3", "pot", 9.0, day(10))]


@pytest.fixture
def till(tmp_path):
    till = Till(tmp_path, BY_TIME)
    till.sends(FIRST)
    assert till.load().facts["mode"] == "full"
    return till


def test_late_restated_and_deleted_rows_of_the_window_are_as_in_the_source(till):
    rows = [*FIRST[:2], ("b3", "pot", 8.0, day(10)), ("b4", "cup", 1.0, day(8)), ("b5", "tea", 2.0, day(12))]
    till.sends(rows)
    outcome = till.load()
    assert outcome.status == "done"
    assert till.stored() == read_whole(rows)
    shown = {name: outcome.facts[name] for name in ("mode", "rows_read", "rows_late", "rows_replaced", "watermark")}
    assert shown == {
        "mode": "incremental",
        "rows_read": 3,
        "rows_late": 1,
        "rows_replaced": 1,
        "watermark": day(12).isoformat(),
    }
    till.sends(rows[:2])
    assert till.load().facts["rows_replaced"] == 2
    assert till.stored() == read_whole([*rows[:2], rows[3]]), "what is older than the lateness stays until all is read"


def test_only_the_window_is_read(till):
    """What changed before the window is not seen: that is what makes it cheap, and `lateness_days` must cover."""
    rows = [("b1", "tea", 99.0, day(1)), *FIRST[1:], ("b4", "cup", 1.0, day(11))]
    till.sends(rows)
    assert till.load().facts["rows_read"] == 2
    assert till.stored() == read_whole([*FIRST, rows[3]])


def test_a_bill_restated_later_is_not_doubled(tmp_path):
    till = Till(tmp_path, BY_BILL)
    till.sends([("b1", "tea", 2.0, day(1)), ("b1", "mug", 5.0, day(1)), *FIRST[1:]])
    till.load()
    rows = [("b1", "tea", 3.0, day(11)), *FIRST[1:]]
    till.sends(rows)
    outcome = till.load()
    assert (outcome.facts["rows_read"], outcome.facts["rows_replaced"]) == (2, 3)
    assert till.stored() == read_whole(rows)


def test_a_key_whose_rows_are_restated_one_by_one_is_refused(tmp_path):
    """A reading may bring one line of a bill and not the other, which would be lost."""
    till = Till(tmp_path, BY_BILL)
    till.sends([("b1", "tea", 2.0, day(1)), ("b1", "mug", 5.0, day(2)), *FIRST[1:]])
    with pytest.raises(SourceError, match="1 values of bill_id have rows with different 'Changed': the key must name"):
        till.load()
    till.change_file("{watermark: Changed, key: [bill_id, item_id]}")
    till.load()
    rows = [("b1", "tea", 3.0, day(11)), ("b1", "mug", 5.0, day(2)), *FIRST[1:]]
    till.sends(rows)
    assert till.load().facts["mode"] == "incremental"
    assert till.stored() == read_whole(rows)


def test_exact_copies_stay_as_many_as_they_are(till):
    rows = [*FIRST, FIRST[2], FIRST[2]]
    till.sends(rows)
    till.load()
    assert till.stored() == read_whole(rows)


def test_a_touched_file_with_the_same_rows_makes_no_new_version(till):
    till.sends(FIRST[::-1])
    outcome = till.load()
    assert (outcome.status, outcome.facts["version"]) == ("reused", 0)
    assert "1 rows read again, unchanged since version 0" in outcome.reason


def test_an_unchanged_source_is_not_opened(till, monkeypatch):
    monkeypatch.setattr(raw.sources, "open_table", lambda *_: pytest.fail("the source was read"))
    assert till.load().status == "reused"


def test_a_row_of_the_future_does_not_hide_those_until_then(tmp_path):
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [("b1", "tea", 2.0, now - timedelta(days=1)), ("b2", "mug", 5.0, now + timedelta(days=400))]
    till = Till(tmp_path, "{watermark: Changed, lateness_days: 0}")
    till.sends(rows)
    till.load()
    assert datetime.fromisoformat(till.facts()["watermark"]["value"]) <= datetime.now(UTC).replace(tzinfo=None)
    rows += [("b3", "pot", 9.0, now + timedelta(minutes=10))]
    till.sends(rows)
    till.load()
    assert till.facts()["mode"] == "incremental"
    assert till.stored() == read_whole(rows)


@pytest.mark.parametrize(
    ("incremental", "values", "later"),
    [
        ("{watermark: Changed, lateness: 2}", [1, 5, 10], 9),
        ("{watermark: Changed, lateness: 0.5}", [1.0, 2.5, 4.0], 3.75),
        (BY_TIME, [day(1).replace(tzinfo=UTC), day(5).replace(tzinfo=UTC), day(9).replace(tzinfo=UTC)], None),
        (BY_TIME, [day(1).date(), day(5).date(), day(9).date()], day(8).date()),
        (BY_TIME, ["2026-01-01", "2026-01-05", "2026-01-09"], "2026-01-08"),
        (BY_TIME, ["2026-01-01T10:00:00.000Z", "2026-01-05T10:00:00.000Z", "2026-01-09T10:00:00.000Z"], None),
        (BY_TIME, ["2026-01-01 10:00+01:00", "2026-01-05 10:00+01:00", "2026-01-09 10:00+01:00"], None),
    ],
    ids=["whole numbers", "decimals", "times with a zone", "dates", "dates as text", "times as text", "with offset"],
)
def test_watermarks_of_every_type(tmp_path, incremental, values, later):
    text = isinstance(values[0], str)
    till = Till(tmp_path, incremental, "csv" if text else "parquet")
    rows = [(f"b{number}", "tea", str(number) if text else 1.0, value) for number, value in enumerate(values)]
    till.sends(rows)
    till.load()
    rows += [("b9", "pot", "9" if text else 2.0, later or values[2])]
    till.sends(rows)
    outcome = till.load()
    assert (outcome.facts["mode"], outcome.facts["rows_read"]) == ("incremental", 2)
    assert till.stored() == read_whole(rows)


@pytest.mark.parametrize(
    ("incremental", "values", "message"),
    [
        (BY_TIME, ["31/01/2026", "01/02/2026"], "holds no ISO times"),
        (BY_TIME, ["2026-01-01", "2026-01-01 10:00"], "times in several forms (0000-00-00, 0000-00-00 00:00)"),
        (BY_TIME, ["2026-01-01 10:00:00+01:00", "2026-07-01 10:00:00+02:00"], "several forms"),
        (BY_TIME, [day(1), None], "1 of 2 rows have no 'Changed' and would never be read again"),
        (BY_TIME, [1, 2], "holds numbers, which need a 'lateness' (0 for none)"),
        ("{watermark: Changed, lateness: 1}", [day(1), day(2)], "holds times, which take 'lateness_days'"),
        (BY_TIME, [True, False], "cannot be a watermark: it holds boolean"),
        ("{watermark: Chnged}", [day(1), day(2)], "there is no column 'Chnged'; did you mean 'Changed'?"),
    ],
)
def test_columns_that_cannot_be_a_watermark_are_refused(tmp_path, incremental, values, message):
    till = Till(tmp_path, incremental)
    till.sends([("b1", "tea", 2.0, value) for value in values])
    with pytest.raises(SourceError) as caught:
        till.load()
    assert message in str(caught.value)
    assert str(caught.value).startswith("source 'sales' of 'acme': ")
    assert "Correct tables.line_items" in str(caught.value)
    assert till.home.lake.version("acme", ASSET) is None


def test_text_that_is_written_in_another_way_is_refused(tmp_path):
    till = Till(tmp_path, BY_TIME)
    till.sends([("b1", "tea", 2.0, "2026-01-05")])
    till.load()
    till.sends([("b1", "tea", 2.0, "2026-01-05"), ("b2", "mug", 5.0, "2026-01-06T10:00")])
    with pytest.raises(SourceError, match="several forms"):
        till.load()
    till.sends([("b2", "mug", 5.0, "2026-01-06T10:00")])
    with pytest.raises(SourceError, match="was written like 0000-00-00 and is now written like 0000-00-00T00:00"):
        till.load()
    assert till.stored() == [("b1", "tea", 2.0)]


@pytest.mark.parametrize(
    "changed",
    [
        {"incremental": BY_BILL},
        {"incremental": "{watermark: Changed, lateness_days: 4}"},
        {"incremental": BY_TIME, "unit_price: Price": "amount: Price"},
        {"incremental": BY_TIME, "uri": "${CAPFLOW_HOME}/../moved.parquet"},
    ],
    ids=["key", "lateness", "mapping", "uri"],
)
def test_another_mapping_reads_everything_again(till, tmp_path, changed):
    rows = [("b1", "tea", 99.0, day(1)), *FIRST[1:]]
    till.sends(rows)
    (tmp_path / "moved.parquet").write_bytes(till.path.read_bytes())
    till.change_file(**changed)
    assert till.load().facts["mode"] == "full"
    assert till.stored() == read_whole(rows)


def test_force_reads_everything_again(till):
    rows = [("b1", "tea", 99.0, day(1)), *FIRST[1:]]
    till.sends(rows)
    assert till.load(force=True).facts["mode"] == "full"
    assert till.stored() == read_whole(rows)


def test_a_lost_watermark_reads_everything_again(till):
    run = raw.CustomerRun(till.home, "acme")
    kept = {name: fact for name, fact in till.facts().items() if name != "watermark"}
    run.write(ASSET, run.read(ASSET).cache(), {**kept, "fingerprint": "lost"})
    run.close()
    assert till.load().facts["mode"] == "full"


def test_deletions_of_long_ago_go_with_the_next_full_reading(tmp_path, monkeypatch):
    till = Till(tmp_path, "{watermark: Changed, full_every_days: 7}")
    till.sends(FIRST)
    till.load()
    till.sends(FIRST[1:])
    assert till.load().status == "reused"

    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=7)

    monkeypatch.setattr(raw, "datetime", Later)
    assert till.load().facts["mode"] == "full"
    assert till.stored() == read_whole(FIRST[1:])


def test_an_empty_table_fills_up(tmp_path):
    till = Till(tmp_path, f"{BY_TIME}\n    allow_empty: true")
    import pandas as pd

    till.sends(FIRST)
    pd.read_parquet(till.path).head(0).to_parquet(till.path)
    till.load()
    assert till.stored() == []
    till.sends(FIRST)
    till.load()
    assert till.stored() == read_whole(FIRST)


def test_what_breaks_between_reading_and_publishing_leaves_the_old_rows(till, monkeypatch):
    rows = [*FIRST, ("b4", "cup", 1.0, day(11))]
    till.sends(rows)

    def full_disk(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "write", full_disk)
        with pytest.raises(OSError, match="No space left"):
            till.load()
    assert till.stored() == read_whole(FIRST)
    assert not any((till.home.path / "staging").rglob("*.parquet")), "rows were left lying around"
    till.load()
    assert till.stored() == read_whole(rows)


KILLED = """
import os, signal, sys
from pathlib import Path
from capflow_assets.raw import asset as raw
from capflow_resources.home import Home
from capflow_resources.lake import Lake
Lake.write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
raw.load(raw.CustomerRun(Home(Path(sys.argv[1])), "acme"), "raw/line_items")
"""


def test_a_kill_between_reading_and_publishing_leaves_the_old_rows(till):
    rows = [*FIRST, ("b4", "cup", 1.0, day(11))]
    till.sends(rows)
    ended = subprocess.run([sys.executable, "-c", KILLED, str(till.home.path)], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert till.stored() == read_whole(FIRST)
    assert list((till.home.path / "staging").rglob("*.parquet")), "it was killed before it had read"
    assert till.load().status == "done"
    assert till.stored() == read_whole(rows)
    assert not list((till.home.path / "staging").rglob("*.parquet")), "rows were left lying around"


def test_the_watermark_does_not_reach_validated_tables(till):
    run = raw.CustomerRun(till.home, "acme")
    assert WATERMARK in run.read(ASSET).columns
    assert WATERMARK not in source_rows(run, "line_items").columns
    run.close()


moments = st.integers(0, 12)
steps = st.lists(
    st.tuples(st.lists(moments, max_size=4), st.lists(st.integers(0, 99), max_size=3), st.sampled_from("arx")),
    min_size=1,
    max_size=4,
)


@settings(max_examples=8, deadline=None)
@given(first=st.lists(moments, min_size=1, max_size=6), then=steps)
def test_step_by_step_equals_all_at_once(first, then):
    """Whatever is added, restated or deleted within the lateness, and restated by key at any time."""
    with TemporaryDirectory() as folder:
        till = Till(Path(folder), BY_BILL)
        bills = (f"b{number}" for number in count())  # a number that a deleted bill had is not given again
        rows = [(next(bills), "tea", 1.0, day(at)) for at in first]
        till.sends(rows)
        till.load()
        for added, chosen, change in then:
            highest = max(row[3] for row in rows)
            rows += [(next(bills), "mug", 1.0, highest + timedelta(days=at - 3)) for at in added]
            for number in chosen:
                row = rows[number % len(rows)]
                if change == "r":  # restated now, however old it is
                    rows[number % len(rows)] = (row[0], row[1], row[2] + 1, highest)
                elif change == "x" and len(rows) > 1 and row[3] >= highest - timedelta(days=3) and row[3] < highest:
                    rows.remove(row)
            till.sends(rows)
            till.load()
            assert till.stored() == read_whole(rows)
