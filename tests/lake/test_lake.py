"""Tables of the lake: whose version is whose, and what is said when a table cannot be written."""

from __future__ import annotations

import multiprocessing
import resource
import signal
import threading
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import deltalake
import ibis
import pyarrow as pa
import pytest

from capflow_resources.lake import Lake, LakeError, TableVersion

CHILDREN = multiprocessing.get_context("forkserver")


def rows(number: int, marked: int = 0) -> pa.Table:
    return pa.table({"row": range(number), "mark": [marked] * number})


@pytest.mark.parametrize(
    ("customer", "asset"),
    [("../bob", "raw/bills"), ("Ann", "raw/bills"), ("ann", "../bob/raw"), ("ann", "raw"), ("ann", "raw/bills/..")],
)
def test_a_name_that_could_reach_another_folder_is_refused(tmp_path: Path, customer: str, asset: str) -> None:
    with pytest.raises(LakeError, match="is not a customer and an asset name"):
        Lake(str(tmp_path)).write(customer, asset, rows(1), {})
    assert list(tmp_path.iterdir()) == []


def test_a_write_gives_its_own_version_though_another_process_published_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(str(tmp_path))
    write = deltalake.write_deltalake

    def overtaken(*given: Any, **options: Any) -> None:
        write(*given, **options)
        monkeypatch.setattr(deltalake, "write_deltalake", write)
        for number in (4, 5):
            Lake(str(tmp_path)).write("bob", "raw/bills", rows(number), {"by": f"other {number}"})

    monkeypatch.setattr(deltalake, "write_deltalake", overtaken)
    assert lake.write("bob", "raw/bills", rows(3), {"by": "us"}) == TableVersion(0, 3, {"by": "us"})
    assert lake.version("bob", "raw/bills") == TableVersion(2, 5, {"by": "other 5"})


def test_facts_are_those_of_the_version_that_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(str(tmp_path))
    lake.write("bob", "raw/bills", rows(3), {"by": "first"})
    opened = lake._open("bob", "raw/bills")
    lake.write("bob", "raw/bills", rows(4), {"by": "second"})
    monkeypatch.setattr(lake, "_open", lambda *_: opened)
    assert lake.version("bob", "raw/bills") == TableVersion(0, 3, {"by": "first"})


def test_a_collision_is_told_and_keeps_the_table_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process publishes after this one's rows were computed and before they were committed."""
    lake = Lake(str(tmp_path))
    lake.write("bob", "raw/bills", rows(3), {})

    def late() -> Any:
        yield from rows(2, marked=1).to_batches()
        other = threading.Thread(target=Lake(str(tmp_path)).write, args=("bob", "raw/bills", rows(4, marked=2), {}))
        other.start()
        other.join()

    def batches(*_: Any) -> pa.RecordBatchReader:
        monkeypatch.undo()
        return pa.RecordBatchReader.from_batches(rows(1).schema, late())

    monkeypatch.setattr("capflow_resources.lake._batches", batches)
    with pytest.raises(LakeError, match=r"raw/bills of 'bob' was published by another process.*run again"):
        lake.write("bob", "raw/bills", rows(2), {})
    assert lake.read("bob", "raw/bills", ibis.duckdb.connect()).mark.to_pyarrow().to_pylist() == [2] * 4


def test_rows_that_cannot_be_computed_are_no_fault_of_the_lake(tmp_path: Path) -> None:
    con = ibis.duckdb.connect(threads=1)  # on two, DuckDB says "Interrupted!" now and then
    broken = con.sql("SELECT CASE WHEN n = 150000 THEN error('the 150000th row') END AS n FROM range(200000) r(n)")
    with pytest.raises(Exception, match="the 150000th row") as caught:
        Lake(str(tmp_path)).write("bob", "raw/bills", broken, {})
    assert not isinstance(caught.value, LakeError)
    assert Lake(str(tmp_path)).version("bob", "raw/bills") is None


def write_with_little_room(folder: str, told: Any) -> None:
    """Files cannot grow beyond 30 kB in this process, which is what a full disk looks like to who may not mount one."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
    try:
        Lake(folder).write("bob", "raw/bills", pa.table({"row": [hash((n, "x")) for n in range(50_000)]}), {})
    except LakeError as error:
        told.send(str(error))


def test_a_disk_without_room_is_told_and_the_version_before_stays(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.write("bob", "raw/bills", rows(3), {"by": "us"})
    ours, theirs = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=write_with_little_room, args=(str(tmp_path), theirs))
    child.start()
    theirs.close()
    told = ours.recv()
    child.join()
    assert "raw/bills of 'bob' could not be written" in told
    assert "File too large" in told
    assert "Free space there" in told
    assert lake.version("bob", "raw/bills") == TableVersion(0, 3, {"by": "us"})


JANUARY, FEBRUARY, MARCH = datetime(2026, 1, 1), datetime(2026, 2, 1), datetime(2026, 3, 1, 12, 30, 0, 5)


def dated(day: datetime, number: int) -> ibis.Table:
    return ibis.duckdb.connect(threads=1).sql(f"SELECT n, TIMESTAMP '{day}' AS as_of FROM range({number}) r(n)")


def by_date(lake: Lake) -> dict[datetime, int]:
    found = lake.read("bob", "features/rfm", ibis.duckdb.connect(threads=1)).as_of.to_pyarrow().to_pylist()
    return dict(Counter(found))


def test_dates_that_are_kept_lie_untouched_and_all_others_go(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    first = lake.write_dates(
        "bob", "features/rfm", "as_of", {JANUARY: dated(JANUARY, 2), FEBRUARY: dated(FEBRUARY, 3)}, {}
    )
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    second = lake.write_dates("bob", "features/rfm", "as_of", {MARCH: dated(MARCH, 4)}, {"n": 2}, [JANUARY], 0)
    assert first == TableVersion(0, 5, {}, "as_of")
    assert second == TableVersion(1, 6, {"n": 2}, "as_of")
    assert by_date(lake) == {JANUARY: 2, MARCH: 4}
    assert {path: path.stat().st_mtime_ns for path in files} == files
    lake.write_dates("bob", "features/rfm", "as_of", {FEBRUARY: dated(FEBRUARY, 1)}, {}, [], 1)
    assert by_date(lake) == {FEBRUARY: 1}


def test_dates_kept_of_a_version_that_is_no_longer_the_newest_are_a_collision(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.write_dates("bob", "features/rfm", "as_of", {JANUARY: dated(JANUARY, 2)}, {})
    lake.write_dates("bob", "features/rfm", "as_of", {MARCH: dated(MARCH, 4)}, {}, [JANUARY], 0)
    with pytest.raises(LakeError, match=r"features/rfm of 'bob' was published by another process.*run again"):
        lake.write_dates("bob", "features/rfm", "as_of", {MARCH: dated(MARCH, 5)}, {}, [JANUARY], 0)
    assert by_date(lake) == {JANUARY: 2, MARCH: 4}
    assert len(list(tmp_path.rglob("*.parquet"))) == 2


def test_a_table_that_is_not_partitioned_by_dates_is_replaced_whole(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.write("bob", "features/rfm", dated(JANUARY, 2), {})
    parts = {JANUARY: dated(JANUARY, 3), MARCH: dated(MARCH, 4)}
    assert lake.write_dates("bob", "features/rfm", "as_of", parts, {}, [], 0) == TableVersion(1, 7, {})
    assert by_date(lake) == {JANUARY: 3, MARCH: 4}


def test_a_sum_of_whole_numbers_is_a_whole_number_in_the_file(tmp_path: Path) -> None:
    """DuckDB adds up in 128 bits, which its Parquet files would hold as doubles."""
    lake, con = Lake(str(tmp_path)), ibis.duckdb.connect(threads=1)
    items = con.create_table("items", pa.table({'the "item"': ["a", "a", "b"], "pieces": [2**53, 1, 7]}))
    summed = items.group_by('the "item"').aggregate(pieces=items.pieces.sum())
    lake.write("bob", "features/items", summed, {})
    found = lake.read("bob", "features/items", con).order_by("pieces").to_pyarrow()
    assert str(con.raw_sql(f"DESCRIBE FROM '{next(tmp_path.rglob('*.parquet'))}'").fetchall()[1][1]) == "BIGINT"
    assert found.to_pylist() == [{'the "item"': "b", "pieces": 7}, {'the "item"': "a", "pieces": 2**53 + 1}]


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "by the engine"])
def test_two_that_make_a_table_at_once_never_add_up(tmp_path: Path, streamed: bool) -> None:
    """Thirty times: the later one replaces what the earlier one published, or is told to run again."""
    for attempt in range(30):
        lake, start, told = Lake(str(tmp_path / str(attempt))), threading.Barrier(2), list[str]()

        def make(mark: int, lake: Lake = lake, start: threading.Barrier = start, told: list[str] = told) -> None:
            data: Any = rows(10, mark)
            if not streamed:
                data = ibis.duckdb.connect(threads=1).create_table("made", data)
            start.wait(30)
            try:
                told.append(f"{lake.write('ann', 'raw/items', data, {'by': mark}).rows} rows")
            except LakeError as error:
                told.append(str(error))

        both = [threading.Thread(target=make, args=(mark,)) for mark in (1, 2)]
        for one in both:
            one.start()
        for one in both:
            one.join(60)
        version = lake.version("ann", "raw/items")
        assert version is not None
        marks = lake.read("ann", "raw/items", ibis.duckdb.connect(threads=1)).mark.value_counts(name="rows")
        assert marks.to_pyarrow().to_pylist() == [{"mark": version.facts["by"], "rows": 10}]
        again = "raw/items of 'ann' was published by another process at the same moment: run again"
        assert sorted(told) in (["10 rows", "10 rows"], ["10 rows", again])
