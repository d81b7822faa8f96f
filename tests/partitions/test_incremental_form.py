"""The `incremental` key of a customer file, and the mistakes in it."""

import pytest

from partitions.customer import Incremental
from partitions.customer_file import check_customer_file, load_customer

FILE = """
name: acme
vertical: gifts
currency: GBP
timezone: Europe/London
sources: {{sales: {{kind: csv, uri: sales.csv}}}}
tables:
  line_items:
    source: sales
    columns: {{bill_id: Bill, item_id: Item, unit_price: Price, channel: {{value: store}}}}
    incremental: {written}
"""


@pytest.fixture
def path(tmp_path):
    def written(text):
        path = tmp_path / "acme.yaml"
        path.write_text(FILE.format(written=text))
        return path

    return written


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{watermark: Changed}", Incremental("Changed")),
        ("{watermark: Changed, lateness_days: 0.5, key: [bill_id]}", Incremental("Changed", 0.5, key=("bill_id",))),
        ("{watermark: Number, lateness: 100}", Incremental("Number", lateness=100.0)),
        ("{watermark: Changed, full_every_days: 30}", Incremental("Changed", full_every_days=30.0)),
    ],
)
def test_what_is_written_is_read(path, text, expected):
    assert load_customer(path(text), {}).tables["line_items"].incremental == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{lateness_days: 3}", "tables.line_items.incremental has no 'watermark'"),
        (
            "{watermark: Changed, latenes_days: 3}",
            "unknown key 'latenes_days' under tables.line_items.incremental; did",
        ),
        ("{watermark: Changed, lateness_days: -1}", "incremental.lateness_days must be at least 0"),
        ("{watermark: Changed, lateness_days: three}", "incremental.lateness_days must be a number"),
        ("{watermark: Changed, full_every_days: 0}", "incremental.full_every_days must be above 0"),
        ("{watermark: Changed, lateness: 1, lateness_days: 1}", "has both 'lateness' (numbers) and 'lateness_days'"),
        ("{watermark: Changed, key: [bil_id]}", "names 'bil_id', which is not mapped; did you mean 'bill_id'?"),
        ("{watermark: Changed, key: [channel]}", "names 'channel', which is the same on every row"),
        ("{watermark: Changed, key: bill_id}", "tables.line_items.incremental.key must be a list"),
        ("{watermark: [a, b]}", "incremental.watermark must be one text"),
        ("updated_at", "tables.line_items.incremental must hold 'key: value' entries"),
    ],
)
def test_mistakes_are_told_with_their_line(path, text, message):
    problems = check_customer_file(path(text), {})
    assert problems
    assert message in problems[0].message
    assert problems[0].line == 11
