"""Determinism, order and names are proven by one refit; if it differs, single refits find the culprit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from capflow_assets.conformance.checks import (
    Check,
    names_of_shoppers_change_nothing,
    order_changes_nothing,
    same_seed_same_bytes,
)
from capflow_assets.conformance.fitted import fitted
from capflow_assets.conformance.synthetic_shop import SyntheticShop, make_shop
from capflow_assets.contract.model import Artefact
from capflow_assets.contract.snapshot import LabelledSnapshot
from capflow_assets.models.rfm_segments import RfmSegments

CHECKS: tuple[Check, ...] = (same_seed_same_bytes, order_changes_nothing, names_of_shoppers_change_nothing)


class Counted(RfmSegments):
    """Counts its fits; `extra` may add to the facts what a fit must not depend on."""

    fits = 0

    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        type(self).fits += 1
        artefact = super().fit(train, parameters, seed)
        return replace(artefact, facts={**artefact.facts, **self.extra(train)})

    def extra(self, train: Sequence[LabelledSnapshot]) -> dict[str, Any]:
        return {}


class Named(Counted):
    """Keeps the name of a shopper."""

    def extra(self, train: Sequence[LabelledSnapshot]) -> dict[str, Any]:
        return {"first": min(train[0].features["user_id"])}


class Ordered(Counted):
    """Keeps how the rows were ordered."""

    def extra(self, train: Sequence[LabelledSnapshot]) -> dict[str, Any]:
        return {"sorted": bool(train[0].features["user_id"].is_monotonic_increasing)}


class Unsteady(Counted):
    """Is another one at each fit."""

    def extra(self, train: Sequence[LabelledSnapshot]) -> dict[str, Any]:
        return {"fit": type(self).fits}


@pytest.fixture(scope="module")
def shop() -> SyntheticShop:
    return make_shop(60)


def failed(model: Counted, shop: SyntheticShop) -> set[str]:
    learned, found = fitted(model, shop), set[str]()
    for check in CHECKS:
        try:
            check(learned)
        except AssertionError:
            found.add(check.__name__)
    return found


def test_a_good_model_is_refitted_once(shop: SyntheticShop) -> None:
    assert failed(Counted(), shop) == set()
    assert Counted.fits == 2


@pytest.mark.parametrize(
    ("model", "culprits"),
    [
        (Named(), {"names_of_shoppers_change_nothing"}),
        (Ordered(), {"order_changes_nothing"}),
        (Unsteady(), {check.__name__ for check in CHECKS}),
    ],
)
def test_the_culprit_is_named(model: Counted, culprits: set[str], shop: SyntheticShop) -> None:
    assert failed(model, shop) == culprits
