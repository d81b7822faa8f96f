"""What counts as another kind of values, in the type names of every database."""

import pytest

from capflow_resources.sources.changes.drift import Drift, compare_columns, type_family

SAME = [
    ("int32", "int64"),
    ("integer", "bigint"),
    ("int64", "decimal(10, 2)"),
    ("numeric(10,2)", "double precision"),
    ("varchar(20)", "text"),
    ("character varying", "longtext"),
    ("date", "timestamp without time zone"),
    ("timestamp('UTC', 6)", "datetime"),
    ("tinyint unsigned", "mediumint"),
    ("struct<a: int64>", "array<string>"),
    ("something unheard of", "int64"),
]
OTHER = [
    ("int64", "string"),
    ("text", "double"),
    ("date", "varchar"),
    ("timestamp(6)", "int64"),
    ("boolean", "integer"),
    ("longblob", "longtext"),
    ("int64", "mixed"),
    ("string", "array<string>"),
    ("interval", "int64"),
    ("N", "S"),
]


@pytest.mark.parametrize(("before", "now"), SAME)
def test_types_of_one_family(before, now):
    assert (
        compare_columns({"a": before}, {"a": now}, ["a"])
        == compare_columns({"a": now}, {"a": before}, ["a"])
        == Drift()
    )


@pytest.mark.parametrize(("before", "now"), OTHER)
def test_types_of_two_families(before, now):
    assert compare_columns({"a": before}, {"a": now}, ["a"]).retyped == (("a", before, now),)
    assert type_family(before) != type_family(now)


def test_only_mapped_columns_are_looked_at():
    drift = compare_columns({"a": "int64", "b": "text", "c": "text"}, {"a": "text", "b": "text", "d": "text"}, ["b"])
    assert drift == Drift(new=("d",), gone=("c",))
