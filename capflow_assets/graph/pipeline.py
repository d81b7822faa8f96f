"""The one Dagster step: every asset of every customer of a run, each customer with its own outcome.

One step rather than one an asset, because a step that fails in Dagster stops every customer of the run: here a
customer that fails stops alone, the others continue, and the run says at its end which customers failed.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dagster as dg

from capflow_assets.graph.databricks import compute_assets
from capflow_assets.graph.events import events
from capflow_assets.graph.keys import name
from capflow_assets.graph.resources import HomeResource, SparkResource
from capflow_assets.graph.specs import asset_specs, check_specs
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.turns import in_turn

CUSTOMERS_PER_RUN = 25


class PipelineConfig(dg.Config):
    """How a run computes: `as_of` (ISO date) instead of the day after the last sale; `force` to redo what is fresh."""

    as_of: str | None = None
    force: bool = False


@dg.multi_asset(
    name="pipeline",
    specs=asset_specs(),
    check_specs=check_specs(),
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.multi_run(CUSTOMERS_PER_RUN),
)
def pipeline(
    context: dg.AssetExecutionContext, config: PipelineConfig, home: HomeResource, spark: SparkResource
) -> Iterator[Any]:
    """Make the selected assets for each customer of the run; one customer's failure is never another's."""
    place = home.open()
    as_of = datetime.fromisoformat(config.as_of) if config.as_of else None
    assets = [name(asset_key) for asset_key in context.selected_asset_keys]
    stopped: dict[str, str] = {}
    for customer in in_turn(place.path / "turns", context.partition_keys):
        run = CustomerRun(place, customer, as_of, config.force, context.run_id, spark.session)
        try:
            for outcome in compute_assets(context, run, assets):
                yield from events(context, customer, outcome)
                if outcome.stops and customer not in stopped:
                    stopped[customer] = f"{outcome.asset} {outcome.status}: {outcome.reason}"
                    context.log.error("%s: %s%s", customer, stopped[customer], outcome.facts.get("traceback", ""))
        except Exception as error:  # not even the outcome could be recorded; the next customer may succeed
            stopped[customer] = f"{type(error).__name__}: {error}"
            context.log.exception("%s: the run broke", customer)
        finally:
            run.close()
    if stopped:
        total = len(context.partition_keys)
        raise dg.Failure(
            f"{len(stopped)} of {total} customers did not get through: " + "; ".join(map(": ".join, stopped.items())),
            metadata={"customers": stopped},
            allow_retries=False,
        )
