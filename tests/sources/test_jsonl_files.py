"""JSON as programs write it: nested, with missing and mixed values, one object a line or one list."""

import gzip
import json

import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError


@pytest.fixture
def look(acme, tmp_path, con):
    def rows(content, *columns, name="sales.jsonl", **options):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        names = ("item_id", "bill_id", "user_id", "store_id", "channel")
        customer = acme("jsonl", tmp_path / name, dict(zip(names, columns, strict=False)), options)
        table = customer.tables["line_items"]
        with sources.explain_errors(customer, table):
            found = sources.read(customer, table, con).to_pyarrow().to_pylist()
        return [tuple(row.values()) for row in found]

    return rows


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_nested_objects_become_dotted_columns_and_lists_their_text(look):
    content = lines(
        {"id": "0017", "a": {"city": "York", "geo": {"lat": 1.50}}, "tags": ["x", {"y": 1}]},
        {"id": 18, "a": None},
        {"id": "x", "a": "York", "tags": []},
    )
    assert look(content, "id", "a.city", "a.geo.lat", "tags") == [
        ("0017", "York", "1.5", '["x",{"y":1}]'),
        ("18", None, None, None),
        ("x", None, None, "[]"),
    ]
    assert look(content, "id", "a", "a.city") == [
        ("0017", '{"city":"York","geo":{"lat":1.5}}', "York"),
        ("18", None, None),
        ("x", "York", None),
    ]


def test_mixed_values_become_text_and_large_numbers_stay_exact(look):
    big = 2**60 + 1
    content = lines({"id": big}, {"id": "a"}, {"id": 0.1}, {"id": True}, {"id": None}, {})
    assert look(content, "id") == [(str(big),), ("a",), ("0.1",), ("true",), (None,), (None,)]


def test_names_may_hold_dots_slashes_blanks_and_quotes(look):
    content = lines({"a.b": 1, "c/d~e": {"f": 2}, 'g "h"': 3, "it's": 4})
    assert look(content, "a.b", "c/d~e.f", 'g "h"', "it's") == [("1", "2", "3", "4")]


def test_a_list_in_a_file_and_objects_over_several_lines_are_read(look):
    assert look('[\n{"id": 1},\n{"id": 2}\n]', "id", name="sales.json") == [("1",), ("2",)]
    assert look('{\n"id": 1\n}\n{\n"id": 2\n}\n', "id") == [("1",), ("2",)]


def test_other_encodings_marks_and_packing(look):
    content = lines({"id": "x"}).replace("x", "é😀")
    assert look("\ufeff" + content, "id") == [("é😀",)]
    assert look(content.encode("utf-16"), "id", encoding="utf-16") == [("é😀",)]
    assert look(gzip.compress(content.encode()), "id", name="sales.jsonl.gz") == [("é😀",)]


def test_a_column_that_only_a_late_row_has_is_found(look):
    content = lines(*[{"id": n} for n in range(12_000)], {"id": 12_000, "late": {"one": "x"}})
    assert look(content, "id", "late.one")[-1] == ("12000", "x")


def test_names_that_differ_only_in_capitals(look):
    content = lines({"Id": 1, "id": 2})
    assert look(content, "id") == [("2",)]
    assert look(content, "Id") == [("1",)]
    with pytest.raises(SourceError, match="'id' and 'Id' differ only by capital letters"):
        look(content, "id", "Id")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"id":1}\n{"id":2}\n{"id":', "line 3, is cut off"),
        ('{"id":1}\n' * 300_000 + '{"id":', "line 300001, is cut off"),
        ('[{"id":1},{"id":2},{"i', "is cut off"),
        (b'{"id":1}\n{"id":"\xe9"}\n', "sales.jsonl.* is not in the encoding"),
        ('{"id":1,"id":2}\n', "line 1, has 'id' twice in one row"),
        ("id,n\n1,2\n", "is not well-formed JSON"),
        ('{"id":1}\n5\n', "line 2, is no object"),
        ('{"id":1}\n', "there is no column 'n'"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(look, content, message):
    with pytest.raises(SourceError, match=message) as caught:
        look(content, "id", "n" if "no column" in message else "id")
    assert "\n" not in str(caught.value)
