"""Local times become UTC, whatever type they come in and wherever the engine's session lives."""

from datetime import UTC, date, datetime

import pyarrow as pa
import pytest

from partitions.customer import ColumnMapping

SUMMER, WINTER = datetime(2024, 7, 1, 12), datetime(2024, 1, 5, 12)


@pytest.fixture
def read(cleaned):
    def moment(value, pattern=None, timezone="Europe/London", zone=None, dtype=None):
        data = {"user_id": ["ann"], "first_seen": pa.array([value], type=dtype)}
        column = ColumnMapping(("first_seen",), format=pattern, timezone=zone)
        (row,) = cleaned("users", data, timezone=timezone, columns={"first_seen": column})
        return row["first_seen"]

    return moment


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SUMMER, datetime(2024, 7, 1, 11)),
        (WINTER, WINTER),
        (datetime(2024, 7, 1, 12, tzinfo=UTC), SUMMER),
        (date(2024, 7, 1), datetime(2024, 6, 30, 23)),
        ("2024-07-01 12:00:00", datetime(2024, 7, 1, 11)),
        (" 2024-07-01T12:00:00.25 ", datetime(2024, 7, 1, 11, 0, 0, 250_000)),
        ("2024-07-01T12:00:00Z", SUMMER),
        ("2024-07-01T12:00:00+02:00", datetime(2024, 7, 1, 10)),
        ("2024-07-01 12:00:00-0300", datetime(2024, 7, 1, 15)),
        ("2024-07-01 12:00:00-03", datetime(2024, 7, 1, 15)),
        ("2024-07-01", datetime(2024, 6, 30, 23)),
        ("01/07/2024", None),
        ("infinity", None),
        ("epoch", None),
        ("2024-13-45", None),
        ("", None),
        (None, None),
        (20240701, None),
        (True, None),
    ],
)
def test_without_a_format(read, value, expected):
    assert read(value, dtype=pa.string() if value is None else None) == expected


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [
        ("7/1/2024 12:00", "%m/%d/%Y %H:%M", datetime(2024, 7, 1, 11)),
        ("1/7/2024 12:00", "%d/%m/%Y %H:%M", datetime(2024, 7, 1, 11)),
        ("31/12/2024 12:00", "%m/%d/%Y %H:%M", None),
        ("2024-07-01 12:00:07.5", "%m/%d/%Y %H:%M", datetime(2024, 7, 1, 11, 0, 7, 500_000)),
        (20240701, "%Y%m%d", datetime(2024, 6, 30, 23)),
        (20240701.0, "%Y%m%d", datetime(2024, 6, 30, 23)),
        (1719835200, "epoch_seconds", SUMMER),
        ("1719835200.5", "epoch_seconds", datetime(2024, 7, 1, 12, 0, 0, 500_000)),
        (1719835200000, "epoch_milliseconds", SUMMER),
        (10**18, "epoch_seconds", None),
        ("soon", "epoch_seconds", None),
    ],
)
def test_with_a_format(read, value, pattern, expected):
    assert read(value, pattern) == expected


def test_a_column_may_be_written_in_another_zone_than_the_customer_s(read):
    assert read(SUMMER, zone="UTC") == SUMMER
    assert read(SUMMER, zone="America/New_York") == datetime(2024, 7, 1, 16)
    assert read(SUMMER, timezone="UTC") == SUMMER


def test_the_hours_that_the_clock_skips_or_repeats_are_still_times(read):
    assert read(datetime(2024, 3, 31, 1, 30)) == datetime(2024, 3, 31, 1, 30), "01:30 did not exist in London"
    assert read(datetime(2024, 10, 27, 1, 30)) == datetime(2024, 10, 27, 1, 30), "the later of two 01:30"
