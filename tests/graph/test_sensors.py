"""New customer files become partitions; a dip in performance asks for one retraining of one model of one customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dagster as dg
import pytest

from capflow_assets.definitions import defs
from capflow_assets.graph.keys import key
from capflow_assets.graph.launch import add_partitions, open_instance
from capflow_assets.graph.resources import HomeResource
from capflow_assets.graph.sensors import drift, onboarding
from capflow_resources.home import Home

Onboard = Callable[..., None]


@pytest.fixture
def storage(home: Home) -> Iterator[dg.DagsterInstance]:
    with open_instance(home) as opened:
        yield opened


def performed(storage: dg.DagsterInstance, customer: str, model: str, dip: str | None) -> None:
    metadata = {"dip": dip} if dip else {}
    event = dg.AssetMaterialization(key(f"performance/{model}"), partition=customer, metadata=metadata)
    storage.report_runless_asset_event(event)


def ask(storage: dg.DagsterInstance, cursor: str | None = None) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=storage, cursor=cursor, definitions=defs)
    result = drift(context)
    assert isinstance(result, dg.SensorResult)
    return result


def test_a_new_customer_file_becomes_a_partition(home: Home, onboard: Onboard, storage: dg.DagsterInstance) -> None:
    onboard("ann")
    add_partitions(storage, home)
    onboard("bob")
    context = dg.build_sensor_context(instance=storage)
    result = onboarding(context, home=HomeResource(path=str(home.path)))
    assert isinstance(result, dg.SensorResult)
    assert [request.partition_keys for request in result.dynamic_partitions_requests or []] == [["bob"]]
    assert storage.get_dynamic_partitions("customers") == ["ann"]


def test_no_new_file_is_said(home: Home, onboard: Onboard, storage: dg.DagsterInstance) -> None:
    onboard("ann")
    add_partitions(storage, home)
    result = onboarding(dg.build_sensor_context(instance=storage), home=HomeResource(path=str(home.path)))
    assert isinstance(result, dg.SkipReason)


def test_a_dip_asks_for_one_retraining_of_that_model_of_that_customer(storage: dg.DagsterInstance) -> None:
    storage.add_dynamic_partitions("customers", ["ann", "bob"])
    performed(storage, "ann", "churn", None)
    performed(storage, "bob", "churn", "auc fell to 0.61")
    performed(storage, "bob", "cltv", None)
    (request,) = ask(storage).run_requests or []
    assert request.partition_key == "bob"
    assert set(request.asset_selection or []) == {key("model/churn"), key("prediction/churn")}
    assert request.tags["capflow/reason"] == "auc fell to 0.61"
    assert request.run_config["ops"]["pipeline"]["config"]["force"] is True


def test_the_same_dip_is_asked_for_once(storage: dg.DagsterInstance) -> None:
    storage.add_dynamic_partitions("customers", ["bob"])
    performed(storage, "bob", "churn", "auc fell to 0.61")
    first = ask(storage)
    assert len(first.run_requests or []) == 1
    assert ask(storage, first.cursor).run_requests == []
    performed(storage, "bob", "churn", "auc fell to 0.60")
    cooling = ask(storage, first.cursor)
    assert cooling.run_requests == []
    performed(storage, "bob", "cltv", "mae rose to 40")
    assert len(ask(storage, cooling.cursor).run_requests or []) == 1


def test_the_request_can_be_launched(storage: dg.DagsterInstance) -> None:
    """The run that the sensor asks for resolves against the code location: job, partition, selection and config."""
    storage.add_dynamic_partitions("customers", ["bob"])
    performed(storage, "bob", "churn", "auc fell to 0.61")
    (request,) = ask(storage).run_requests or []
    result = defs.resolve_job_def("retrain").execute_in_process(
        instance=storage,
        partition_key=request.partition_key,
        asset_selection=request.asset_selection,
        run_config=request.run_config,
        raise_on_error=False,
    )
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert "no customer 'bob'" in (failure.step_failure_data.error.message if failure.step_failure_data.error else "")
