"""The jobs that run assets: all of them, one retraining, and any selection in this process."""

from functools import cache

import dagster as dg

from capflow_assets.graph.keys import key
from capflow_assets.graph.pipeline import pipeline
from capflow_assets.graph.resources import RESOURCES
from capflow_assets.run.plan import plan

everything = dg.define_asset_job("everything", selection=dg.AssetSelection.all(), description="Every layer.")

retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.assets(*(key(a) for a, s in plan().items() if s.layer in ("model", "prediction"))),
    description="Train a model again and deliver its predictions; launched by the drift sensor.",
)


@cache
def asset_job() -> dg.JobDefinition:
    """Return the job of all assets, for runs in this process; the code location derives the same one."""
    assets = dg.Definitions(assets=[pipeline], resources=RESOURCES, executor=dg.in_process_executor)
    return assets.resolve_implicit_global_asset_job_def()
