"""What a customer file may say of Databricks, and the cluster that comes of it: no workspace needed."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from capflow_assets.contract.outcome import Check, Markdown, Outcome
from capflow_assets.graph.message import from_message, to_message
from capflow_resources.engines import EngineError, databricks
from capflow_resources.engines.databricks import ClusterSize, Settings
from partitions.customer import Customer, Engine
from partitions.customer_file import check_customer_file
from partitions.engine_form import DATABRICKS_OPTIONS

SNAPSHOT = Path(__file__).with_name("snapshots") / "cluster_of_a_large_customer.json"
SHARED = {
    "CAPFLOW_LAKE": "s3://lake/main",
    "CAPFLOW_ARTEFACTS": "s3://lake/artefacts",
    "CAPFLOW_REGISTRY": "postgresql://capflow:hunter2@db.internal/capflow",
    "AWS_REGION": "eu-west-1",
    "AWS_SECRET_ACCESS_KEY": "hunter3",
    "UNRELATED": "hunter4",
}


def customer(**options: Any) -> Customer:
    return Customer(
        "ann",
        "gifts",
        "GBP",
        "UTC",
        {},
        {},
        "gold",
        Engine("databricks", "https://dbc.example/", options),
        path=Path("a"),
    )


def test_the_customer_file_knows_the_same_options() -> None:
    assert {one.name for one in fields(Settings)} - {"host"} == set(DATABRICKS_OPTIONS)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"max_worker": 3}, "option max_worker is unknown; did you mean 'max_workers'?"),
        ({"run": "jbo"}, "option run: jbo is unknown; did you mean 'job'?"),
        ({"max_workers": "many"}, "option max_workers must be a whole number of at least 1"),
        ({"timeout_seconds": 0}, "option timeout_seconds must be a whole number of at least 1"),
        ({"min_workers": 4, "max_workers": 2}, "option max_workers: 2 is under min_workers: 4"),
        ({"volume": "main.capflow"}, "option volume: main.capflow is not a volume: write it like /Volumes/"),
        ({"secrets": "A, B"}, "option secrets needs secret_scope"),
        ({"existing_cluster_id": "1", "policy_id": "2"}, "option policy_id is for a new cluster: leave it out, or"),
    ],
)
def test_a_wrong_option_is_told_in_one_line(options: dict[str, Any], told: str) -> None:
    with pytest.raises(EngineError) as error:
        databricks.read_settings(customer(**options))
    assert str(error.value).startswith("engine databricks of 'ann': " + told)
    assert "\n" not in str(error.value)


def test_the_check_of_a_customer_file_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "ann.yaml"
    file.write_text(
        "name: ann\nvertical: gifts\ncurrency: GBP\ntimezone: UTC\n"
        "engine:\n  kind: databricks\n  url: dbc.example\n  options:\n    max_worker: 3\n"
        "sources: {s: {kind: csv, uri: x.csv}}\n"
        "tables: {line_items: {source: s, columns: {item_id: i, amount: a}}}\n"
    )
    told = [str(problem).split(":", 1)[1] for problem in check_customer_file(file, {})]
    assert told == [
        "7: engine.url is not an address of a workspace; write it like https://${DATABRICKS_HOST}",
        "9: unknown key 'max_worker' under engine.options; did you mean 'max_workers'?",
    ]


@pytest.mark.parametrize(
    ("rows", "workers"),
    [
        ({"line_items": 0}, (1, 2)),
        ({"line_items": 100_000_000, "items": None}, (1, 2)),
        ({"line_items": 100_000_001}, (1, 3)),
        ({"line_items": 300_000_000, "contacts": 100_000_000}, (2, 8)),
        ({"line_items": 1_000_000_000, "users": 80_000_000}, (6, 22)),
        ({"line_items": 40_000_000_000}, (16, 64)),
        ({"line_items": None}, (2, 8)),  # gold
        ({}, (2, 8)),
    ],
)
def test_a_cluster_grows_with_the_rows(rows: dict[str, int | None], workers: tuple[int, int]) -> None:
    size = databricks.size_cluster(rows, "gold", Settings())
    assert (size.min_workers, size.max_workers) == workers


@pytest.mark.parametrize(
    ("asked", "workers"), [({"max_workers": 4}, (1, 4)), ({"min_workers": 9}, (9, 22)), ({"min_workers": 90}, (90, 90))]
)
def test_the_customer_file_goes_before_the_rule(asked: dict[str, int], workers: tuple[int, int]) -> None:
    size = databricks.size_cluster({"line_items": 1_080_000_000}, "gold", Settings(**asked))
    assert (size.min_workers, size.max_workers) == workers


def test_secrets_go_by_reference_only() -> None:
    asked = databricks.read_settings(customer(secret_scope="capflow", secrets="AWS_SECRET_ACCESS_KEY"))
    env = databricks.cluster_environment(customer(), asked, SHARED)
    assert env == {
        "CAPFLOW_LAKE": "s3://lake/main",
        "CAPFLOW_ARTEFACTS": "s3://lake/artefacts",
        "CAPFLOW_REGISTRY": "{{secrets/capflow/CAPFLOW_REGISTRY}}",
        "AWS_REGION": "eu-west-1",
        "AWS_SECRET_ACCESS_KEY": "{{secrets/capflow/AWS_SECRET_ACCESS_KEY}}",
    }


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"CAPFLOW_LAKE": "/data/lake"}, "CAPFLOW_LAKE is on this machine, where no cluster reaches it: set it to a"),
        ({"CAPFLOW_ARTEFACTS": ""}, "CAPFLOW_ARTEFACTS is on this machine"),
        ({"CAPFLOW_REGISTRY": "sqlite:////x"}, "CAPFLOW_REGISTRY is on this machine, where no cluster reaches it: use"),
        ({}, "a password may not stand in the request for a cluster: put CAPFLOW_REGISTRY into a secret scope"),
    ],
)
def test_what_a_cluster_cannot_reach_is_refused(changed: dict[str, str], told: str) -> None:
    with pytest.raises(EngineError) as error:
        databricks.cluster_environment(customer(), databricks.read_settings(customer()), {**SHARED, **changed})
    assert told in str(error.value)
    assert "hunter" not in str(error.value)
    assert "\n" not in str(error.value)


def test_the_cluster_of_a_large_customer() -> None:
    one = customer(
        secret_scope="capflow",
        policy_id="P1",
        instance_profile_arn="arn:aws:iam::1:instance-profile/x",
        driver_node_type_id="m5d.4xlarge",
        libraries="/Volumes/main/w/capflow-0.1.0-py3-none-any.whl, holidays==0.80",
    )
    asked = databricks.read_settings(one)
    env = databricks.cluster_environment(one, asked, SHARED)
    body = {
        "new_cluster": databricks.new_cluster(one, asked, ClusterSize(6, 22, ""), env, "aws"),
        "libraries": databricks.libraries(one, asked),
    }
    text = json.dumps(body, indent=2, sort_keys=True) + "\n"
    assert "hunter" not in text
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(text)
        pytest.fail(f"{SNAPSHOT.name} was missing and has been written: look at it")
    assert text == SNAPSHOT.read_text()


def test_each_cloud_has_its_nodes_and_a_pool_brings_its_own() -> None:
    def node(cloud: str, **options: Any) -> Any:
        asked = databricks.read_settings(customer(**options))
        return databricks.new_cluster(customer(), asked, ClusterSize(1, 2, ""), {}, cloud).get("node_type_id")

    assert node("aws") == "m5d.2xlarge"
    assert node("azure") == "Standard_D8ds_v5"
    assert node("gcp", node_type_id="n2-highmem-8") == "n2-highmem-8"
    assert node("azure", instance_pool_id="pool") is None


def test_a_job_is_not_computed_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(databricks.RUNTIME, raising=False)
    with pytest.raises(EngineError, match="computes in a job of its workspace, not in this process"):
        databricks.open_session(customer())


def test_databricks_connect_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "databricks.connect", None)
    monkeypatch.delenv(databricks.RUNTIME, raising=False)
    with pytest.raises(EngineError, match=r"pip install 'databricks-connect==17\.3\.\*'"):
        databricks.open_session(customer(run="connect"))


def test_an_outcome_survives_the_way() -> None:
    facts = {"rows": 3, "share": 0.5, "page": Markdown("[x](y)"), "table": [{"kpi": "a", "passed": True}], "none": None}
    sent = Outcome("validation/report", "blocked", "why", facts, {"plot": b"\x89PNG"}, Check("kpis", False, facts), "f")
    back = from_message(json.loads(json.dumps(to_message(sent))))
    assert back == sent
    assert isinstance(back.facts["page"], Markdown)
