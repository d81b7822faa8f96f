"""What the code location offers: every asset's key, dependencies, group, partition, and face in the UI."""

from __future__ import annotations

import json
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

SNAPSHOT = Path(__file__).with_name("assets.json")


def test_every_table_feature_set_and_model_has_its_assets() -> None:
    expected = {f"{layer}/{table}" for layer in ("raw", "validated") for table in canonical_tables()}
    expected |= {"validation/report"} | {f"features/{name}" for name in (*feature_sets(), *embeddings())}
    expected |= {f"{layer}/{name}" for layer in ("model", "prediction", "performance") for name in models()}
    assert set(SPECS) == expected


def test_every_asset_is_as_it_was_written_down() -> None:
    """Key, dependencies, group, tags, kinds, owners and columns; CAPFLOW_SNAPSHOT=1 writes the file."""
    found = {asset: _as_json(spec) for asset, spec in sorted(SPECS.items())}
    if os.environ.get("CAPFLOW_SNAPSHOT") == "1":
        lines = (f"{json.dumps(asset)}: {json.dumps(face)}" for asset, face in found.items())  # one line an asset
        SNAPSHOT.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    expected = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert set(found) == set(expected)
    assert [asset for asset in found if found[asset] != expected[asset]] == []


def _as_json(spec: dg.AssetSpec) -> dict[str, object]:
    columns = spec.metadata.get("dagster/column_schema")
    return {
        "deps": sorted("/".join(dep.asset_key.path) for dep in spec.deps),
        "group": spec.group_name,
        "tags": dict(spec.tags),
        "kinds": sorted(spec.kinds),
        "owners": list(spec.owners),
        "columns": [column.name for column in columns.columns] if columns else [],
    }


def test_every_asset_has_a_face_in_the_ui() -> None:
    for asset, spec in SPECS.items():
        layer = asset.split("/")[0]
        assert spec.group_name == spec.tags["layer"] == layer, asset
        assert spec.partitions_def == customers, asset
        assert len(spec.description or "") > 20, asset
        assert spec.owners, asset
        assert spec.kinds, asset
        if layer in ("raw", "validated", "features", "prediction"):
            assert len(spec.metadata["dagster/column_schema"].columns) >= 2, asset


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
