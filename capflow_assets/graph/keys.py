"""Convert asset names ("validated/bills") to Dagster keys and back."""

import dagster as dg


def key(asset: str) -> dg.AssetKey:
    """Return the Dagster key of an asset name."""
    return dg.AssetKey(asset.split("/"))


def name(asset_key: dg.AssetKey) -> str:
    """Return the asset name of a Dagster key."""
    return "/".join(asset_key.path)
