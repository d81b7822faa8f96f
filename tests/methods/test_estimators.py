"""Estimators as bytes: the same each time, whole when loaded, and nothing of an unknown type is made."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("skops", reason="needs capflow[skops]")

from capflow_assets.methods.estimators import dump_estimator, load_estimator

MAKE = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from capflow_assets.methods.estimators import dump_estimator
rows = np.random.default_rng(1).random((60, 3))
fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, rows[:, 0] > 0.5)
"""


def test_the_bytes_are_the_same_in_another_process() -> None:
    told = "import hashlib; print(hashlib.sha256(dump_estimator(fitted)).hexdigest())"
    other = subprocess.run([sys.executable, "-c", MAKE + told], capture_output=True, text=True, check=True)
    here: dict[str, object] = {}
    exec(MAKE, here)
    assert other.stdout.strip() == hashlib.sha256(dump_estimator(here["fitted"])).hexdigest()
    rows = np.asarray(here["rows"])
    loaded = load_estimator(dump_estimator(here["fitted"]), ["numpy.dtype"])
    np.testing.assert_array_equal(loaded.predict_proba(rows), here["fitted"].predict_proba(rows))  # type: ignore[attr-defined]


def test_a_type_that_is_not_trusted_is_refused() -> None:
    from sklearn.ensemble import RandomForestClassifier
    from skops.io.exceptions import UntrustedTypesFoundException

    forest = RandomForestClassifier(2, random_state=0).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(UntrustedTypesFoundException, match="Tree"):
        load_estimator(dump_estimator(forest), ["numpy.dtype"])
