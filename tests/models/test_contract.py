"""The conformance suite on every model of the catalogue: a model joins just by existing."""

from __future__ import annotations

import pytest

from capflow_assets.conformance.checks import CHECKS, Check
from capflow_assets.conformance.fitted import Fitted
from capflow_assets.conformance.fitted import fitted as fit
from capflow_assets.conformance.synthetic_shop import SyntheticShop, make_shop
from capflow_assets.run.catalogue import models


@pytest.fixture(scope="module")
def small() -> SyntheticShop:
    return make_shop()


@pytest.fixture(scope="module", params=sorted(models()))
def fitted(request: pytest.FixtureRequest, small: SyntheticShop) -> Fitted:
    return fit(models()[request.param], small)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_conforms(fitted: Fitted, check: Check) -> None:
    check(fitted)
