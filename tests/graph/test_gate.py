"""A customer whose data fails is blocked on every path, and nobody else is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from capflow_assets.contract.outcome import Blocked
from capflow_assets.definitions import defs
from capflow_assets.graph.keys import key
from capflow_assets.graph.launch import add_partitions, materialise, open_instance
from capflow_assets.run.customer_run import VERDICT, CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import until
from capflow_resources.home import Home

Onboard = Callable[..., None]
FEATURES = ["features/rfm", "features/rhythm"]
CHECKED = until("validation")


@pytest.fixture
def shops(home: Home, onboard: Onboard) -> Home:
    onboard("ann", "cleo", bob="doubled")
    return home


@pytest.fixture(scope="module")
def once_judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the shops lie after they were read and judged, once for all tests. To be copied, never changed."""
    return tmp_path_factory.mktemp("judged") / "home"


@pytest.fixture
def judged(shops: Home, once_judged: Path) -> Home:
    """The shops, read and judged: ann and cleo passed, bob is blocked."""
    if not once_judged.exists():
        materialise(shops, ["ann", "bob", "cleo"], CHECKED)
        shutil.copytree(shops.path, once_judged)
    else:
        shutil.copytree(once_judged, shops.path, dirs_exist_ok=True)
    return shops


def featured(home: Home) -> set[str]:
    """The customers that have a feature table."""
    return {name for name in home.customer_names() if home.lake.version(name, "features/rfm")}


def statuses(home: Home, asset: str) -> dict[str, str]:
    return {row.customer: row.status for row in home.registry.ledger() if row.asset == asset}


def in_dagster(home: Home, asset: str) -> set[str]:
    with open_instance(home) as storage:
        return set(storage.get_materialized_partitions(key(asset)))


def test_same_run_blocks_the_bad_customer_only(shops: Home) -> None:
    materialise(shops, ["ann", "bob", "cleo"], [*CHECKED, *FEATURES])
    assert featured(shops) == {"ann", "cleo"}
    assert statuses(shops, "validation/report") == {"ann": "done", "bob": "blocked", "cleo": "done"}
    assert in_dagster(shops, "features/rfm") == {"ann", "cleo"}
    assert in_dagster(shops, "validation/report") == {"ann", "cleo"}


def test_later_run_of_downstream_alone_is_blocked(judged: Home) -> None:
    materialise(judged, ["ann", "bob", "cleo"], FEATURES)
    assert featured(judged) == {"ann", "cleo"}
    assert statuses(judged, "features/rfm") == {"ann": "done", "bob": "blocked", "cleo": "done"}


def test_selection_without_the_check_does_not_skip_the_gate(shops: Home) -> None:
    materialise(shops, ["bob"], [asset for asset in [*CHECKED, *FEATURES] if asset != "validation/report"])
    assert featured(shops) == set()


def test_downstream_is_blocked_before_anything_was_judged(shops: Home) -> None:
    materialise(shops, ["ann"], FEATURES)
    assert statuses(shops, "features/rfm") == {"ann": "blocked"}
    assert featured(shops) == set()


def test_without_an_instance(shops: Home) -> None:
    outcomes = {o.asset: o for o in run_customer(CustomerRun(shops, "bob"), [*CHECKED, *FEATURES])}
    assert outcomes["features/rfm"].status == "blocked"
    assert "duplicate_share" in outcomes["features/rfm"].reason
    again = {o.asset: o for o in run_customer(CustomerRun(shops, "bob"), FEATURES)}
    assert again["features/rfm"].status == "blocked"
    assert "drop_duplicates: true in customers/bob.yaml" in again["features/rfm"].reason


def test_ephemeral_instance(shops: Home) -> None:
    job = defs.resolve_implicit_global_asset_job_def()
    with dg.instance_for_test() as storage:
        storage.add_dynamic_partitions("customers", ["bob"])
        result = job.execute_in_process(instance=storage, partition_key="bob", raise_on_error=False)
        assert not result.success
        assert storage.get_materialized_partitions(key("features/rfm")) == set()


def test_check_is_stored_for_each_customer_with_its_evidence(judged: Home) -> None:
    checked = dg.AssetCheckKey(key("validation/report"), "kpis")
    with open_instance(judged) as storage:
        found = storage.event_log_storage.get_asset_check_partition_info([checked])
    results = {info.partition_key: (info.latest_execution_status.value, info.is_current) for info in found}
    assert results["ann"] == ("SUCCEEDED", True)
    assert results["cleo"] == ("SUCCEEDED", True)
    assert results["bob"][0] == "FAILED"


def test_data_newer_than_its_verdict_is_blocked(judged: Home) -> None:
    materialise(judged, ["ann"], ["raw/line_items"], force=True)
    with pytest.raises(Blocked, match=r"raw/line_items changed after the verdict.*capflow run --customer ann"):
        CustomerRun(judged, "ann").require_passed()
    materialise(judged, ["ann"], CHECKED)
    CustomerRun(judged, "ann").require_passed()


def test_verdict_that_is_lost_or_damaged_blocks(judged: Home) -> None:
    verdict = json.loads(judged.lake.document("ann", VERDICT) or b"")
    judged.lake.put_document("ann", VERDICT, json.dumps({**verdict, "customer": "cleo"}).encode())
    with pytest.raises(Blocked, match="verdict found is on 'cleo'"):
        CustomerRun(judged, "ann").require_passed()
    judged.lake.put_document("ann", VERDICT, b"{ half")
    outcomes = list(run_customer(CustomerRun(judged, "ann"), FEATURES))
    assert {outcome.status for outcome in outcomes} == {"failed"}
    judged.lake.documents.delete(f"ann/{VERDICT}")
    with pytest.raises(Blocked, match="never judged"):
        CustomerRun(judged, "ann").require_passed()


def test_mending_the_data_opens_the_gate(shops: Home) -> None:
    materialise(shops, ["bob"], [*CHECKED, *FEATURES])
    path = shops.customers_folder / "bob.yaml"
    path.write_text(path.read_text().replace("  line_items:\n", "  line_items:\n    drop_duplicates: true\n"))
    materialise(shops, ["bob"], [*CHECKED, *FEATURES])
    assert featured(shops) == {"bob"}


def test_automation_asks_for_passed_customers_only(shops: Home) -> None:
    with open_instance(shops) as storage:
        add_partitions(storage, shops)
        wanted = dg.AssetSelection.assets(key("features/rfm"))
        before = dg.evaluate_automation_conditions(defs, storage, wanted)
    materialise(shops, ["ann", "bob", "cleo"], CHECKED)
    with open_instance(shops) as storage:
        after = dg.evaluate_automation_conditions(defs, storage, wanted, cursor=before.cursor)
        assert after.get_requested_partitions(key("features/rfm")) == {"ann", "cleo"}
