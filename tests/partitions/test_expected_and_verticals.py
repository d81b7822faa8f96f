"""`expected` in a customer file and verticals.yaml: what is right is read, every mistake is explained."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from partitions.customer import Expected
from partitions.customer_file import check_customer_file, load_customer
from partitions.verticals_file import VerticalsFileError, load_verticals, normalise_vertical
from tests.partitions.small_file import customer_file

KNOWN = ("return_share", "anonymous_share")


def test_an_expected_change_is_read(tmp_path: Path) -> None:
    text = 'expected: [{from: 2026-03-01, figures: [daily_bills], why: new tills}, {from: "2026-04-01", why: "move"}]'
    assert load_customer(customer_file(tmp_path, text), {}).expected == (
        Expected(date(2026, 3, 1), "new tills", ("daily_bills",)),
        Expected(date(2026, 4, 1), "move"),
    )
    assert load_customer(customer_file(tmp_path, "expected: []"), {}).expected == ()
    assert load_customer(customer_file(tmp_path, ""), {}).expected == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "expected: [{from: 1.3.2026, why: x}]",
            "acme.yaml:7: expected.from '1.3.2026' is not a date; write it",
        ),
        ("expected: [{from: 2026-03-01}]", "has no 'why'"),
        ("expected: [{why: x}]", "has no 'from'"),
        ("expected: [{frm: 2026-03-01, why: x}]", "did you mean 'from'?"),
        ("expected: {from: 2026-03-01, why: x}", "expected must be a list"),
        ("expected: new tills", "expected must be a list"),
    ],
)
def test_a_mistake_is_explained(tmp_path: Path, text: str, told: str) -> None:
    problems = check_customer_file(customer_file(tmp_path, text), {})
    assert told in "\n".join(map(str, problems))


def test_verticals_are_read_however_they_are_spelt(tmp_path: Path) -> None:
    path = tmp_path / "verticals.yaml"
    assert load_verticals(path, KNOWN) == {}
    path.write_text("# mine\nFood & Beverage:\n  return_share: 0.02\n")
    assert load_verticals(path, KNOWN) == {"food_and_beverage": {"return_share": 0.02}}
    assert normalise_vertical("food-and-beverage") == normalise_vertical("Food & Beverage")
    path.write_text("# nothing yet\n")
    assert load_verticals(path, KNOWN) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fashion:\n  retrun_share: 0.6\n", "verticals.yaml:2: unknown key 'retrun_share' under fashion; did you mean"),
        ("fashion:\n  return_share: half\n", "verticals.yaml:2: fashion.return_share must be a number"),
        (
            "fashion: {return_share: 1}\nFashion: {return_share: 1}\n",
            "verticals.yaml:2: vertical 'Fashion' appears",
        ),
        ("fashion: [", "verticals.yaml:1: this is not YAML"),
        ("fashion: 3", "fashion must hold 'key: value' entries"),
    ],
)
def test_a_mistake_in_the_verticals_is_explained(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "verticals.yaml").write_text(text)
    with pytest.raises(VerticalsFileError) as error:
        load_verticals(tmp_path / "verticals.yaml", KNOWN)
    assert told in str(error.value)
