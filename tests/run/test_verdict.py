"""The gate lets a customer through only with a passed verdict on the very data that is stored."""

import dataclasses

import pytest

from capflow_assets.run.gate import Verdict, find_refusal

RAW, VALID = {"line_items": 3}, {"line_items": 2, "bills": 2}
PASSED = Verdict("acme", "passed", (), RAW, VALID, "2024-01-01T00:00:00")
BLOCKED = dataclasses.replace(PASSED, status="blocked", reasons=("bills: too few. Send more.",))
COMMAND = "capflow run --customer acme"


def test_a_passed_verdict_on_the_stored_data_opens_the_gate():
    assert find_refusal("acme", PASSED, dict(RAW), dict(VALID)) is None


@pytest.mark.parametrize(
    ("verdict", "raw", "valid", "word"),
    [
        (None, RAW, VALID, "never judged"),
        (BLOCKED, RAW, VALID, "bills: too few. Send more."),
        (dataclasses.replace(PASSED, customer="other"), RAW, VALID, "on 'other'"),
        (PASSED, {"line_items": 4}, VALID, "raw/line_items changed"),
        (PASSED, {"line_items": 2}, VALID, "raw/line_items changed"),
        (PASSED, RAW, VALID | {"bills": 3}, "validated/bills changed"),
        (PASSED, RAW, VALID | {"users": 0}, "validated/users changed"),
        (PASSED, RAW, {"line_items": 2}, "validated/bills changed"),
        (PASSED, {}, VALID, "raw/line_items changed"),
        (PASSED, RAW, {}, "no validated table"),
        (dataclasses.replace(PASSED, validated={}), RAW, {}, "no validated table"),
    ],
)
def test_everything_else_closes_it_with_the_customer_and_the_command(verdict, raw, valid, word):
    reason = find_refusal("acme", verdict, raw, valid)
    assert reason is not None
    assert word in reason
    assert "'acme'" in reason
    assert COMMAND in reason


@pytest.mark.parametrize("verdict", [PASSED, BLOCKED])
def test_a_verdict_survives_json(verdict):
    assert Verdict.from_json(verdict.to_json()) == verdict


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"customer": "acme"}', PASSED.to_json().replace("passed", "ok")]
)
def test_what_is_not_a_verdict_is_refused_in_words(text):
    with pytest.raises(ValueError, match=r"verdict"):
        Verdict.from_json(text)


def test_a_verdict_cannot_contradict_itself():
    with pytest.raises(ValueError, match="passed with 1 reasons"):
        dataclasses.replace(BLOCKED, status="passed")
    with pytest.raises(ValueError, match="blocked with 0 reasons"):
        dataclasses.replace(PASSED, status="blocked")
