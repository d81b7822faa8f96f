"""`training` in a customer file: what is right is read, every mistake is explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from partitions.customer import Training
from partitions.customer_file import check_customer_file, load_customer
from tests.partitions.small_file import customer_file


def test_training_is_read(tmp_path: Path) -> None:
    text = "training: {tuning_seconds: 5, pool: {give: true}, settings: {churn: {price_of_contact: 0.8}}}"
    assert load_customer(customer_file(tmp_path, text), {}).training == Training(
        5.0, True, False, {"churn": {"price_of_contact": 0.8}}
    )
    assert load_customer(customer_file(tmp_path, ""), {}).training == Training()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("training: {tuning_secs: 5}", "did you mean 'tuning_seconds'?"),
        ("training: {tuning_seconds: -1}", "acme.yaml:7: training.tuning_seconds is -1; choose 0 (no tuning) to 3600"),
        ("training: {tuning_seconds: much}", "training.tuning_seconds must be a number"),
        ("training: {pool: {gives: true}}", "did you mean 'give'?"),
        ("training: {pool: {give: perhaps}}", "training.pool.give must be true or false"),
        ("training: {settings: {churn: {price_of_contact: [1]}}}", "must be a single value"),
    ],
)
def test_a_mistake_is_explained(tmp_path: Path, text: str, told: str) -> None:
    problems = check_customer_file(customer_file(tmp_path, text), {})
    assert told in "\n".join(map(str, problems))
