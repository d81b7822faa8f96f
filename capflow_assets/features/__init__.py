"""Feature sets: what purchases and contacts say as of a date, one Ibis expression a set."""

from capflow_assets.contract.feature_set import Feature, FeatureSet
from capflow_assets.features.sets.basket import BASKET
from capflow_assets.features.sets.campaigns import CAMPAIGNS
from capflow_assets.features.sets.item_pairs import ITEM_PAIRS
from capflow_assets.features.sets.place import PLACE
from capflow_assets.features.sets.price import PRICE
from capflow_assets.features.sets.recursive import RECURSIVE
from capflow_assets.features.sets.rfm import RFM
from capflow_assets.features.sets.rhythm import RHYTHM
from capflow_assets.features.sets.user_item import USER_ITEM

FEATURE_SETS: dict[str, FeatureSet] = {
    feature_set.name: feature_set
    for feature_set in (RFM, RHYTHM, BASKET, PRICE, PLACE, CAMPAIGNS, USER_ITEM, ITEM_PAIRS, RECURSIVE)
}

__all__ = ["FEATURE_SETS", "Feature", "FeatureSet"]
