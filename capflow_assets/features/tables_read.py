"""Which tables of a customer a feature set reads, and what of them it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.features.snapshots import cut_before
from capflow_assets.run.customer_run import CustomerRun

if TYPE_CHECKING:
    import ibis


def sent(run: CustomerRun, feature_set: FeatureSet) -> tuple[str, ...]:
    """All that it needs, and of the optional ones those that the customer sends."""
    available = run.tables()
    return (*feature_set.tables, *(table for table in feature_set.optional_tables if table in available))


def left_out(feature_set: FeatureSet, tables: Mapping[str, ibis.Table], as_of: datetime) -> dict[str, int]:
    """How many rows of the newest date a set leaves out, by reason in words."""
    if feature_set.left_out is None:
        return {}
    counted = feature_set.left_out(cut_before(tables, as_of), as_of).to_pyarrow().to_pylist()[0]
    return {f"left out: {reason.replace('_', ' ')}": int(number) for reason, number in counted.items()}
