"""Asset names as the rest of CapFlow writes them ("validated/bills") and as Dagster does."""

import dagster as dg


def key(asset: str) -> dg.AssetKey:
    """The Dagster key of an asset name."""
    return dg.AssetKey(asset.split("/"))


def name(asset_key: dg.AssetKey) -> str:
    """The asset name of a Dagster key."""
    return "/".join(asset_key.path)
