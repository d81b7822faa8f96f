"""Dagster sensors: one for new customer files, one for models whose predictions have become worse."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from capflow_assets.graph.jobs import retrain
from capflow_assets.graph.keys import key
from capflow_assets.graph.resources import HomeResource
from capflow_assets.run.catalogue import models
from partitions.partition import customers

COOLDOWN_DAYS = 7
SEEN = "seen"
ASKED = "asked"


@dg.sensor(minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING)
def onboarding(context: dg.SensorEvaluationContext, home: HomeResource) -> dg.SensorResult | dg.SkipReason:
    """Make every new customer file a partition."""
    registered = set(context.instance.get_dynamic_partitions(str(customers.name)))
    new = [name for name in home.open().customer_names() if name not in registered]
    if not new:
        return dg.SkipReason(f"no new customer file; {len(registered)} customers are known")
    return dg.SensorResult(dynamic_partitions_requests=[customers.build_add_request(new)])


@dg.sensor(job=retrain, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING)
def drift(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """Request one retraining of a model for a customer whose realised performance dips."""
    state = json.loads(context.cursor) if context.cursor else {SEEN: {}, ASKED: {}}
    requests = [request for model in models() for request in _new_requests(context, model, state)]
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(state))


def _new_requests(
    context: dg.SensorEvaluationContext, model: str, state: dict[str, dict[str, str]]
) -> Iterator[dg.RunRequest]:
    seen = state[SEEN].get(model)
    after = int(seen) if seen else None
    records_filter = dg.AssetRecordsFilter(asset_key=key(f"performance/{model}"), after_storage_id=after)
    for record in context.instance.fetch_materializations(records_filter, limit=1000, ascending=True).records:
        state[SEEN][model] = str(record.storage_id)
        materialised = record.asset_materialization
        dip = materialised.metadata.get("dip") if materialised else None
        if dip is None or record.partition_key is None or _is_cooling_down(state, model, record.partition_key):
            continue
        state[ASKED][f"{record.partition_key}/{model}"] = datetime.now(UTC).isoformat()
        yield _retraining_request(record.partition_key, model, str(dip.value), record.storage_id)


def _is_cooling_down(state: dict[str, dict[str, str]], model: str, customer: str) -> bool:
    asked = state[ASKED].get(f"{customer}/{model}")
    return asked is not None and (datetime.now(UTC) - datetime.fromisoformat(asked)).days < COOLDOWN_DAYS


def _retraining_request(customer: str, model: str, reason: str, storage_id: int) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"retrain:{customer}:{model}:{storage_id}",
        partition_key=customer,
        asset_selection=[key(f"model/{model}"), key(f"prediction/{model}")],
        run_config=dg.RunConfig(ops={"pipeline": {"config": {"force": True}}}),
        tags={"capflow/reason": reason[:200]},
    )
