"""The card of a version: what its test date told is kept in the lake, the rest is the registry's; set on demand."""

from __future__ import annotations

import json
from typing import Any

from capflow_assets.contract.outcome import Markdown
from capflow_assets.run.catalogue import models
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training.card import build_card, in_brief
from capflow_resources.home import Home
from capflow_resources.registry import RegistryError, Version


def store_card(run: CustomerRun, version: Version, found: dict[str, Any], picture: bytes) -> None:
    """Keep what `training.card.kept` found, and the curves; a version that was registered before keeps its own."""
    run.home.lake.put_document(run.name, f"model/{version.model}/{version.digest}.png", picture)
    if version.created or run.home.lake.document(run.name, document_name(version)) is None:
        content = json.dumps(found, allow_nan=False, sort_keys=True)
        run.home.lake.put_document(run.name, document_name(version), content.encode())


def card_metadata(run: CustomerRun, version: Version) -> dict[str, Markdown]:
    """The card in brief, for the metadata of the model's asset."""
    return {"card": Markdown(in_brief(load_card(run.home, version)))}


def load_card(home: Home, version: Version) -> dict[str, Any]:
    """All that there is to say of a version; RegistryError when nothing is known of its model any more."""
    content = home.lake.document(version.customer, document_name(version))
    champion = home.registry.champion(version.customer, version.model)
    try:
        return build_card(
            version,
            home.registry.events(version.customer, version.model),
            champion.number if champion else None,
            None if content is None else json.loads(content),
            models().get(version.model),
        )
    except ValueError as reason:
        raise RegistryError(str(reason)) from reason


def load_picture(home: Home, version: Version) -> bytes | None:
    """The curves of a version's test date, as a PNG."""
    return home.lake.document(version.customer, f"model/{version.model}/{version.digest}.png")


def document_name(version: Version) -> str:
    """Where in the lake the facts of the test date lie, beside the picture."""
    return f"model/{version.model}/{version.digest}.card.json"
