"""Spark's executors write the lake's tables, and what they wrote is the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import pytest

from capflow_assets.features import FEATURE_SETS
from capflow_assets.features.snapshots import snapshot_features
from capflow_resources.lake import Lake, LakeError
from tests.engines.compare import assert_equal_rows, rows
from tests.engines.test_every_figure import world
from tests.features.feature_world import AS_OF


def test_features_that_spark_wrote_are_what_duckdb_computes(
    engine: Any, reference: ibis.BaseBackend, files: Path, tmp_path: Path
) -> None:
    lake = Lake(str(tmp_path / "lake"))
    computed = snapshot_features(FEATURE_SETS["rhythm"], world(engine, files, 40), [AS_OF])
    busy = _tasks_by_worker(engine)
    spread = computed.mutate(row=ibis.row_number().over(order_by="user_id")).drop("row")
    written = lake.write("acme", "features/rhythm", spread, {"why": "test"})
    expected = rows(snapshot_features(FEATURE_SETS["rhythm"], world(reference, files, 40), [AS_OF]))
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
    with pytest.raises(Exception, match="cannot be cast") as caught:
        lake.write("acme", "raw/line_items", lines.mutate(amount=lines.bill_id.cast("int64")), {})
    assert not isinstance(caught.value, LakeError)
    assert sorted((tmp_path / "lake").rglob("*.parquet")) == before
    version = lake.version("acme", "raw/line_items")
    assert version is not None
    assert version.version == 0


def _tasks_by_worker(engine: Any) -> dict[str, int]:
    """How many tasks each executor of the cluster has done, by Spark's own books."""
    if engine.named != "cluster":
        return {}
    executors = engine._session.sparkContext._jsc.sc().statusStore().executorList(False)
    every = [executors.apply(number) for number in range(executors.size())]
    return {one.id(): one.completedTasks() for one in every if one.id() != "driver"}
