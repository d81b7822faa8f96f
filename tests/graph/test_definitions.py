"""What the code location offers: every asset's key, dependencies, group, partition, and face in the UI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from capflow_assets.definitions import defs
from capflow_assets.graph.specs import check_specs
from capflow_assets.run.catalogue import embeddings, feature_sets, models
from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.run.plan import plan
from partitions.partition import customers

SPECS = {"/".join(spec.key.path): spec for spec in defs.resolve_all_asset_specs()}

EXPECTED = {
    "raw/line_items": set(),
    "validated/bills": {"raw/bills", "validated/line_items"},
    "validation/report": {f"validated/{table}" for table in canonical_tables()},
    "features/rfm": {"validated/bills", "validated/line_items", "validation/report"},
    "features/basket": {"validated/line_items", "validated/items", "validation/report"},
    "features/campaigns": {"validated/contacts", "validation/report"},
    "features/item_pairs": {"validated/line_items", "validation/report"},
    "features/item_text": {"validated/items", "validation/report"},
    "features/media_image": {"validated/media", "validation/report"},
    "model/churn": {"features/rfm", "features/rhythm", "validated/bills", "validation/report"},
    "prediction/churn": {"model/churn", "features/rfm", "features/rhythm", "validated/bills", "validation/report"},
    "performance/churn": {"prediction/churn", "validated/bills", "validation/report"},
    "model/product_affinity": {"validated/line_items", "validated/items", "validation/report"},
}


def test_every_table_feature_set_and_model_has_its_assets() -> None:
    expected = {f"{layer}/{table}" for layer in ("raw", "validated") for table in canonical_tables()}
    expected |= {"validation/report"} | {f"features/{name}" for name in (*feature_sets(), *embeddings())}
    expected |= {f"{layer}/{name}" for layer in ("model", "prediction", "performance") for name in models()}
    assert set(SPECS) == expected


@pytest.mark.parametrize("asset", sorted(EXPECTED))
def test_dependencies(asset: str) -> None:
    assert {"/".join(dep.asset_key.path) for dep in SPECS[asset].deps} == EXPECTED[asset]


@pytest.mark.parametrize("asset", sorted(SPECS))
def test_face(asset: str) -> None:
    spec = SPECS[asset]
    assert spec.group_name == asset.split("/")[0]
    assert spec.partitions_def == customers
    assert len(spec.description or "") > 20
    assert spec.owners
    assert spec.tags["layer"] == asset.split("/")[0]
    assert spec.kinds
    if spec.group_name in ("raw", "validated", "features", "prediction"):
        columns = spec.metadata["dagster/column_schema"]
        assert len(columns.columns) >= 2


def test_no_asset_reads_a_later_layer() -> None:
    seen: set[str] = set()
    for asset, step in plan().items():
        assert set(step.reads) <= seen, asset
        seen.add(asset)


def test_everything_downstream_of_data_has_a_blocking_check_before_it() -> None:
    keys = {f"{'/'.join(spec.asset_key.path)}:{spec.name}": spec for spec in check_specs()}
    assert set(keys) == {f"validated/{table}:schema" for table in canonical_tables()} | {"validation/report:kpis"}
    assert {key.to_user_string() for key in defs.resolve_asset_graph().asset_check_keys} == set(keys)
    assert all(spec.blocking and spec.partitions_def == customers for spec in keys.values())


def test_the_whole_location_loads_and_its_jobs_resolve() -> None:
    dg.Definitions.validate_loadable(defs)
    assert {job.name for job in defs.resolve_all_job_defs()} >= {"everything", "retrain"}


@pytest.mark.parametrize(
    "command", [["dagster", "definitions", "validate", "-w", "workspace.yaml"], ["dg", "check", "defs"]]
)
def test_workspace_and_dg_project_both_load(command: list[str], tmp_path: Path) -> None:
    program = Path(sys.executable).with_name(command[0])
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path), "DG_CLI_CONFIG": str(tmp_path / "dg.toml")}
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [str(program), *command[1:]],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
