"""One rule for near matches: a slip of the fingers or of the shift key finds the right word, another word does not."""

import re
from pathlib import Path

import pytest

from partitions.hints import closest, did_you_mean

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("partitions", "capflow_resources", "capflow_assets")


@pytest.mark.parametrize(
    ("word", "match"), [("chrun", "churn"), ("CHURN", "churn"), ("cltv", "cltv"), ("weather", None), ("", None)]
)
def test_the_closest_choice(word: str, match: str | None) -> None:
    assert closest(word, ["cltv", "churn"]) == match


def test_the_first_of_two_that_differ_only_in_case_and_a_stricter_cutoff() -> None:
    assert closest("Sku", ["SKU", "sku"]) == "SKU"
    assert closest("chrun", ["churn"], cutoff=0.95) is None


def test_the_end_of_a_message() -> None:
    assert did_you_mean("chrun", ["cltv", "churn"]) == "; did you mean 'churn'?"
    assert did_you_mean("weather", ["cltv", "churn"]) == "; choose from cltv, churn"
    assert did_you_mean("weather", ["churn"], otherwise="; see the list") == "; see the list"
    assert did_you_mean("weather", []) == ""


def test_nobody_else_looks_for_near_matches() -> None:
    code = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.name != "hints.py"]
    assert len(code) > 300
    assert [str(path) for path in code if re.search(r"\bdifflib\b", path.read_text(encoding="utf-8"))] == []
