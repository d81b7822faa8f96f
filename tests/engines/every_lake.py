"""Spark's executors write the lake's tables, and what they wrote is the table."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import ibis
import pytest

from capflow_assets.features.snapshots import build_snapshots
from capflow_assets.run.catalogue import feature_sets
from capflow_resources.engines import EngineError, spark_files, write_files
from capflow_resources.lake import Lake
from tests.engines.compare import assert_equal_rows, rows
from tests.engines.every_figure import world
from tests.features.feature_world import AS_OF


def test_features_that_spark_wrote_are_what_duckdb_computes(
    engine: Any, reference: ibis.BaseBackend, files: Path, tmp_path: Path
) -> None:
    lake = Lake(str(tmp_path / "lake"))
    dates = [AS_OF - timedelta(days=30 * number) for number in range(3)]
    computed = build_snapshots(feature_sets()["rhythm"], world(engine, files, 40), dates)
    busy = _tasks_by_worker(engine)
    written = lake.write("acme", "features/rhythm", computed, {"why": "test"})
    assert len(list((tmp_path / "lake").rglob("part-*.parquet"))) >= 2, "each task writes its own"
    expected = rows(build_snapshots(feature_sets()["rhythm"], world(reference, files, 40), dates))
    assert (written.rows, written.facts) == (len(expected), {"why": "test"})
    for con in (reference, engine):
        assert_equal_rows(rows(lake.read("acme", "features/rhythm", con)), expected)
    if engine.named == "cluster":
        gained = {worker: count - busy.get(worker, 0) for worker, count in _tasks_by_worker(engine).items()}
        assert len(gained) == 2
        assert all(gained.values()), gained


def test_large_integers_times_and_lists_survive(engine: Any, reference: ibis.BaseBackend, tmp_path: Path) -> None:
    import pyarrow as pa

    table = pa.table(
        {
            "whole": pa.array([2**53 + 1, -(2**63), None], pa.int64()),
            "number": [0.1, float("nan"), None],
            "ts": pa.array([1, 10**15 + 1, None], pa.timestamp("us")),
            "moment": pa.array([1, 10**15 + 1, None], pa.timestamp("us", "UTC")),
            "money": pa.array([None, "1.10", "-0.01"], pa.string()).cast(pa.decimal128(12, 2)),
            "reasons": pa.array([["a", "ü"], [], None]),
            "text": ["", "naïve ☕", None],
            "flag": [True, False, None],
        }
    )
    lake = Lake(str(tmp_path / "lake"))
    found = engine.create_table(ibis.util.gen_name("sent"), table, temp=True)
    lake.write("acme", "raw/items", found, {})
    for con in (engine, reference):
        assert_equal_rows(rows(lake.read("acme", "raw/items", con)), table)


def test_a_table_without_rows_is_a_table(engine: Any, reference: ibis.BaseBackend, files: Path, tmp_path: Path) -> None:
    lake, lines = Lake(str(tmp_path / "lake")), world(engine, files, 40)["line_items"]
    lake.write("acme", "raw/line_items", lines.filter(lines.quantity > 1e9), {})
    for con in (engine, reference):
        assert len(rows(lake.read("acme", "raw/line_items", con))) == 0


def test_a_failed_write_leaves_the_old_version_and_no_files(engine: Any, files: Path, tmp_path: Path) -> None:
    lake, lines = Lake(str(tmp_path / "lake")), world(engine, files, 40)["line_items"]
    lake.write("acme", "raw/line_items", lines, {})
    before = sorted((tmp_path / "lake").rglob("*.parquet"))
    with pytest.raises(EngineError, match=r"Spark failed: \[CAST_INVALID_INPUT\] .* cannot be cast") as caught:
        lake.write("acme", "raw/line_items", lines.mutate(amount=lines.bill_id.cast("int64")), {})
    assert len(str(caught.value).splitlines()) == 1
    assert sorted((tmp_path / "lake").rglob("*.parquet")) == before
    version = lake.version("acme", "raw/line_items")
    assert version is not None
    assert version.version == 0


def test_files_that_stay_on_a_worker_s_own_disk_are_no_table(
    engine: Any, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The workers of these tests share a disk: what is found afterwards is made less than what was written."""
    lake, lines = Lake(str(tmp_path / "lake")), world(engine, files, 40)["line_items"]
    found = spark_files._list_files
    monkeypatch.setattr(spark_files, "_list_files", lambda place, folder: found(place, folder)[:0])
    with pytest.raises(EngineError, match="workers do not share that disk"):
        lake.write("acme", "raw/line_items", lines, {})
    assert lake.version("acme", "raw/line_items") is None
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_bucket_that_this_spark_cannot_reach(engine: Any, files: Path) -> None:
    lines = world(engine, files, 40)["line_items"]
    with pytest.raises(EngineError, match="this Spark has no access to s3://: name Hadoop's package"):
        write_files(lines, "s3://bucket/acme/raw/line_items", "new")
    with pytest.raises(EngineError, match="this Spark has no access to s3://"):
        engine.read_parquet(["s3://bucket/acme/raw/line_items/part.parquet"])


def _tasks_by_worker(engine: Any) -> dict[str, int]:
    """How many tasks each executor of the cluster has done, by Spark's own books."""
    if engine.named != "cluster":
        return {}
    executors = engine._session.sparkContext._jsc.sc().statusStore().executorList(False)
    every = [executors.apply(number) for number in range(executors.size())]
    return {one.id(): one.completedTasks() for one in every if one.id() != "driver"}
