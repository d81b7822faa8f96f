"""Feature sets: what each shopper's purchases say as of a date, one Ibis expression a set."""

from capflow_assets.features.base import Feature, FeatureSet
from capflow_assets.features.rfm import RFM
from capflow_assets.features.rhythm import RHYTHM

FEATURE_SETS: dict[str, FeatureSet] = {feature_set.name: feature_set for feature_set in (RFM, RHYTHM)}

__all__ = ["FEATURE_SETS", "Feature", "FeatureSet"]
