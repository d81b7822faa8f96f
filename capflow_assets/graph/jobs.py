"""Named selections of assets to launch."""

import dagster as dg

from capflow_assets.graph.keys import key
from capflow_assets.run.plan import plan

everything = dg.define_asset_job("everything", selection=dg.AssetSelection.all(), description="Every layer.")

retrain = dg.define_asset_job(
    "retrain",
    selection=dg.AssetSelection.assets(*(key(a) for a, s in plan().items() if s.layer in ("model", "prediction"))),
    description="Train a model anew and deliver its predictions; launched by the drift sensor.",
)
