"""Customers computed by real runs: what came of each asset is in Dagster as if it had been computed here."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from capflow_assets.graph.keys import key
from capflow_assets.graph.launch import materialise, open_instance
from capflow_assets.run.plan import until
from tests.databricks.conftest import OWN_CLUSTER, PASSWORD, Installation
from tests.databricks.workspace import TOKEN, Submitted

SNAPSHOTS = Path(__file__).with_name("snapshots")
ASSETS = [*until("validation"), "features/rfm"]


@pytest.fixture(scope="module")
def done(place: Installation) -> Installation:
    """ann's data is sound and her run's connections are not; bob's data is bad; cleo's own cluster is ended midway."""
    place.add("ann")
    place.add("bob", data="doubled")
    place.add("cleo", volume="/Volumes/main/capflow/files", **OWN_CLUSTER)
    place.space.trouble["ann"] = {"runs/submit": 1, "runs/get": 3, "dbfs/read": 1, 429: 1, 503: 1}
    place.space.dies["cleo"] = "validated/users"
    materialise(place.home, ["ann", "bob", "cleo"], ASSETS)
    return place


def facts(place: Installation, customer: str, asset: str) -> dict[str, Any]:
    """The metadata of the newest materialisation."""
    wanted = dg.AssetRecordsFilter(asset_key=key(asset), asset_partitions=[customer])
    with open_instance(place.home) as storage:
        record = storage.fetch_materializations(wanted, limit=1).records[0]
    assert record.asset_materialization is not None
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_what_the_cluster_made_is_materialised_here(done: Installation) -> None:
    assert {one.status for one in done.outcomes("ann").values()} == {"done", "not_available"}
    assert done.materialised("features/rfm") == {"ann"}
    assert done.materialised("validation/report") == {"ann"}
    told = facts(done, "ann", "features/rfm")
    assert told["dagster/row_count"] == done.home.lake.version("ann", "features/rfm").rows  # type: ignore[union-attr]
    assert told["databricks"] == f"[run 1000]({done.space.host}/?o=1#job/1/run/1000)"
    assert told["cluster"].startswith("1 to 2 workers for ")


def test_plots_and_checks_come_along(done: Installation) -> None:
    assert facts(done, "ann", "validation/report")["plots"].startswith("![")
    with open_instance(done.home) as storage:
        check = dg.AssetCheckKey(key("validation/report"), "kpis")
        names = {"ann", "bob"}
        found = storage.event_log_storage.get_asset_check_partition_info([check], partition_keys=sorted(names))
    told = {one.partition_key: one.latest_execution_status.name for one in found if one.latest_execution_status}
    assert told == {"ann": "SUCCEEDED", "bob": "FAILED"}


def test_lost_answers_do_not_submit_twice(done: Installation) -> None:
    assert len(done.space.requests("ann")) == 1
    assert not any(done.space.trouble["ann"].values())


def test_a_blocked_customer_is_blocked_with_its_reason(done: Installation) -> None:
    told = done.outcomes("bob")
    assert told["validation/report"].status == told["features/rfm"].status == "blocked"
    assert "duplicate_share" in told["validation/report"].reason
    assert told["raw/line_items"].status == told["validated/line_items"].status == "done"


def test_what_a_dying_run_has_told_stays_and_the_rest_fails_with_its_cause(done: Installation) -> None:
    told = done.outcomes("cleo")
    assert told["validated/line_items"].status == "done"
    assert done.materialised("validated/line_items") >= {"cleo"}
    lost = told["features/rfm"]
    assert lost.status == told["validated/users"].status == "failed"
    assert "Databricks run 1002 (http://" in lost.reason
    assert "ended as FAILED: Workload failed, see run output for details KeyboardInterrupt" in lost.reason
    assert lost.reason.endswith("see its log on that page, fix the cause, then run again")
    assert "\n" not in lost.reason


def test_no_secret_is_sent_or_kept(done: Installation) -> None:
    for run in done.space.runs.values():
        for secret in (TOKEN, *done.space.secrets.values(), PASSWORD):
            assert secret not in json.dumps(run.request)
    for secret in (TOKEN, PASSWORD):
        assert done.files_with(secret) == []
    assert not any((done.space.folder / "tmp").iterdir())  # context and messages are cleaned up


def test_an_existing_cluster_is_told_by_arguments_and_tells_by_a_volume(done: Installation) -> None:
    assert facts(done, "cleo", "validated/line_items")["cluster"] == "the existing cluster 0123-456789-abcdef"
    assert not any((done.space.folder / "Volumes/main/capflow/files/tmp").iterdir())
    same_as_snapshot("existing_cluster", done.space.requests("cleo")[0])


def test_the_request_for_a_cluster(done: Installation) -> None:
    same_as_snapshot("new_cluster", done.space.requests("ann")[0])


def same_as_snapshot(name: str, run: Submitted) -> None:
    """The body of runs/submit, with what differs from run to run named; to renew one, delete it and run the test."""
    text = json.dumps(run.request, indent=2, sort_keys=True)
    for value, told in (
        (os.environ["AWS_ENDPOINT_URL"], "<s3>"),
        (os.environ["CAPFLOW_LAKE"].split("/")[2], "<bucket>"),
    ):
        text = text.replace(value, told)
    text = re.sub(r'("DAGSTER_PIPES_\w+": )"[^"]+"', r'\1"<pipes>"', text)
    text = re.sub(r'("--dagster-pipes-\w+",\s+)"[^"]+"', r'\1"<pipes>"', text)
    text = re.sub(r'("idempotency_token": )"[0-9a-f]{32}"', r'\1"<once>"', text) + "\n"
    path = SNAPSHOTS / f"{name}.json"
    if not path.exists():
        path.write_text(text)
        pytest.fail(f"{path.name} was missing and has been written: look at it")
    assert text == path.read_text()
