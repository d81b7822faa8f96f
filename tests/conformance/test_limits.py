"""What a fit costs is measured, and too much of it fails."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import pytest

from capflow_assets.conformance.checks import fits_in_memory, fits_in_time
from capflow_assets.conformance.fitted import Fitted, fitted
from capflow_assets.conformance.limits import FIT_BYTES, FIT_SECONDS, MIB, Cost, forget_peak, measure_cost, peak_bytes
from capflow_assets.models.rfm_segments import RfmSegments


def given_back(mebibytes: int) -> int:
    """By how many bytes a process grew that took memory and gave it back."""
    return measure_cost(lambda: len(bytearray(b"x") * (mebibytes * MIB)))[1].grown_bytes


def peak_when_forgotten() -> int:
    forget_peak()
    return peak_bytes()


def test_memory_that_was_given_back_counts() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as new_process:
        before = new_process.submit(peak_bytes).result(timeout=60)
        assert 90 * MIB < new_process.submit(given_back, 100).result(timeout=60) < 300 * MIB
        assert new_process.submit(given_back, 0).result(timeout=60) < 20 * MIB
        if new_process.submit(peak_when_forgotten).result(timeout=60) < before + 50 * MIB:  # the kernel can
            assert 90 * MIB < new_process.submit(given_back, 100).result(timeout=60) < 300 * MIB


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
