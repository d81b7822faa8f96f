"""What a fit costs is measured, and too much of it fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capflow_assets.conformance.checks import fits_in_memory, fits_in_time
from capflow_assets.conformance.fitted import Fitted, fitted
from capflow_assets.conformance.limits import FIT_BYTES, FIT_SECONDS, MIB, Cost, measured
from capflow_assets.models.rfm_segments import RfmSegments


def test_memory_that_was_given_back_counts() -> None:
    for _ in range(2):  # the second time too, although the process has had as much before
        length, cost = measured(lambda: len(bytearray(b"x") * (100 * MIB)))
        assert length == 100 * MIB
        assert 90 * MIB < cost.grown_bytes < 300 * MIB
    assert measured(lambda: None)[1].grown_bytes < 20 * MIB


@pytest.fixture(scope="module")
def learned() -> Fitted:
    return fitted(RfmSegments())


def test_what_takes_too_long_or_too_much_fails(learned: Fitted) -> None:
    fits_in_time(learned)
    fits_in_memory(learned)
    greedy = replace(learned, cost=Cost(FIT_SECONDS + 1, FIT_BYTES + 1))
    with pytest.raises(AssertionError, match=r"fit took 61\.0 CPU-seconds; the limit is 60"):
        fits_in_time(greedy)
    with pytest.raises(AssertionError, match="fit took 2,048 MiB; the limit is 2,048 MiB"):
        fits_in_memory(greedy)
