"""The code location: what Dagster loads."""

import dagster as dg

from capflow_assets.graph.jobs import everything, retrain
from capflow_assets.graph.pipeline import pipeline
from capflow_assets.graph.resources import RESOURCES
from capflow_assets.graph.sensors import drift, onboarding

defs = dg.Definitions(
    assets=[pipeline],
    jobs=[everything, retrain],
    sensors=[onboarding, drift],
    resources=RESOURCES,
    executor=dg.in_process_executor,
)
