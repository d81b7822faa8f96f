"""Feature sets: what purchases and contacts say as of a date, one Ibis expression a set."""

from capflow_assets.features.base import Feature, FeatureSet
from capflow_assets.features.basket import BASKET
from capflow_assets.features.campaigns import CAMPAIGNS
from capflow_assets.features.item_pairs import ITEM_PAIRS
from capflow_assets.features.place import PLACE
from capflow_assets.features.price import PRICE
from capflow_assets.features.recursive import RECURSIVE
from capflow_assets.features.rfm import RFM
from capflow_assets.features.rhythm import RHYTHM
from capflow_assets.features.user_item import USER_ITEM

FEATURE_SETS: dict[str, FeatureSet] = {
    feature_set.name: feature_set
    for feature_set in (RFM, RHYTHM, BASKET, PRICE, PLACE, CAMPAIGNS, USER_ITEM, ITEM_PAIRS, RECURSIVE)
}

__all__ = ["FEATURE_SETS", "Feature", "FeatureSet"]
