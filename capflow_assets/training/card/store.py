"""Where cards are kept: the record of the test date and the curves in the lake, everything else in the registry."""

from __future__ import annotations

import json

from capflow_assets.contract.outcome import Markdown
from capflow_assets.run.catalogue import models
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.training.card.card import Card, build_card
from capflow_assets.training.card.markdown import in_brief
from capflow_assets.training.card.record import EvaluationRecord
from capflow_resources.home import Home
from capflow_resources.registry import RegistryError, Version


def store_card(run: CustomerRun, version: Version, record: EvaluationRecord, picture: bytes) -> None:
    """Store the record and the curves of a version; a version that was registered before keeps its own record."""
    run.home.lake.put_document(run.name, _picture_name(version), picture)
    if version.created or run.home.lake.document(run.name, record_name(version)) is None:
        content = json.dumps(record.to_json(), allow_nan=False, sort_keys=True)
        run.home.lake.put_document(run.name, record_name(version), content.encode())


def card_metadata(run: CustomerRun, version: Version) -> dict[str, Markdown]:
    """Return the card in brief, for the metadata of the model's asset."""
    return {"card": Markdown(in_brief(load_card(run.home, version)))}


def load_card(home: Home, version: Version) -> Card:
    """Load the card of a version. Raises RegistryError if nothing is known of its model any more."""
    content = home.lake.document(version.customer, record_name(version))
    champion = home.registry.champion(version.customer, version.model)
    try:
        return build_card(
            version,
            home.registry.events(version.customer, version.model),
            champion.number if champion else None,
            None if content is None else EvaluationRecord.from_json(json.loads(content)),
            models().get(version.model),
        )
    except ValueError as reason:
        raise RegistryError(str(reason)) from reason


def load_picture(home: Home, version: Version) -> bytes | None:
    """Load the curves of a version's test date, a PNG."""
    return home.lake.document(version.customer, _picture_name(version))


def record_name(version: Version) -> str:
    """Return the name of the record in the lake."""
    return f"model/{version.model}/{version.digest}.card.json"


def _picture_name(version: Version) -> str:
    return f"model/{version.model}/{version.digest}.png"
