"""What every kind of source must do; a new kind joins by its entry in tests/sources/writers.py."""

import os
from pathlib import Path

import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError
from partitions.customer import ColumnMapping
from tests.sources.writers import JOINED

ROWS = {
    "Item Code": ["0017", "0018", "0018"],
    "Qty": [2, -1, -1],
    "Price": [1.5, 0.1, 0.1],
    "Colour": ["red", None, None],
}
COLUMNS = {
    "item_id": "Item Code",
    "quantity": "Qty",
    "unit_price": "Price",
    "channel": ColumnMapping(value="store"),
    "store_id": ColumnMapping(columns=("Colour", "Item Code")),
}
ALIKE = {"item_id": "Item Code", "store_id": "item code", "amount": "Price"}
FILES = sorted(name for name, joined in JOINED.items() if joined.in_a_file)


def test_every_kind_is_tested():
    assert {joined.kind for joined in JOINED.values()} == sources.KINDS.keys()


@pytest.fixture(params=sorted(JOINED))
def joined(request):
    return JOINED[request.param]


in_files = pytest.mark.parametrize("joined", [JOINED[name] for name in FILES], ids=FILES)


@pytest.fixture
def kept(joined, request, tmp_path):
    import pandas as pd

    server = request.getfixturevalue(joined.server) if joined.server else None
    return joined.write(tmp_path, "sale", pd.DataFrame(ROWS), server)


@pytest.fixture
def build(joined, kept, acme):
    def build_customer(uri=None, columns=COLUMNS, **more):
        return acme(joined.kind, uri or kept.uri, columns, kept.options, kept.table, **more)

    return build_customer


def test_rows_come_whole_under_canonical_names(build, con):
    customer = build(attributes=("Colour",))
    rows = sources.read(customer, customer.tables["line_items"], con)
    assert rows.columns == ("item_id", "quantity", "unit_price", "channel", "store_id", "attribute_colour")
    found = con.to_pyarrow(
        rows.mutate(quantity=rows.quantity.cast("int64"), unit_price=rows.unit_price.cast("float64"))
    )
    assert sorted(map(tuple, (row.values() for row in found.to_pylist())), key=str) == [
        ("0017", 2, 1.5, "store", "red > 0017", "red"),
        ("0018", -1, 0.1, "store", "0018", None),
        ("0018", -1, 0.1, "store", "0018", None),
    ]


def test_types_are_those_of_the_source(joined, build, con):
    customer = build()
    types = sources.read(customer, customer.tables["line_items"], con).schema()
    assert (str(types["quantity"]), str(types["unit_price"])) == joined.types


def test_a_missing_column_is_named_with_the_nearest(build, con):
    customer = build(columns={"item_id": "ItemCode", "amount": "Price"})
    with pytest.raises(SourceError) as caught:
        sources.read(customer, customer.tables["line_items"], con)
    assert str(caught.value) == (
        "source 'sales' of 'acme': there is no column 'ItemCode'; did you mean 'Item Code'? "
        "Correct tables.line_items.columns in customers/acme.yaml."
    )


def test_columns_that_only_capitals_tell_apart_are_refused(build, con):
    customer = build(columns=ALIKE)
    with pytest.raises(SourceError, match=r"'Item Code' and 'item code' differ only by capital letters\. Map only one"):
        sources.read(customer, customer.tables["line_items"], con)


def test_the_fingerprint_changes_with_what_is_read(build):
    def mark(**more):
        customer = build(**more)
        return sources.fingerprint(customer, customer.tables["line_items"])

    before = mark()
    assert mark() == before
    if before is not None:
        assert mark(columns={**COLUMNS, "discount": "Price"}) != before
        assert mark(attributes=("Colour",)) != before


def test_errors_that_are_not_the_source_s_pass_unchanged(build):
    customer = build()
    with pytest.raises(OSError, match="No space left"), sources.explain_errors(customer, customer.tables["line_items"]):
        raise OSError("No space left on device")


@in_files
@pytest.mark.parametrize(
    ("uri", "message"), [("none.x", "there is no file"), ("*.x", "no file matches"), (".", "folder")]
)
def test_a_missing_file_is_named_with_the_remedy(joined, build, tmp_path, con, uri, message):
    customer = build(tmp_path / uri)
    for look in (sources.fingerprint, lambda customer, table: sources.read(customer, table, con)):
        with pytest.raises(SourceError, match=message) as caught:
            look(customer, customer.tables["line_items"])
        text = str(caught.value)
        assert text.startswith("source 'sales' of 'acme': ")
        assert "Correct sources.sales.uri in customers/acme.yaml" in text
        assert "\n" not in text


@in_files
def test_a_file_of_another_kind_is_an_error(joined, build, tmp_path, con):
    path = tmp_path / "sales.x"
    path.write_bytes(b"\x00\x01\x02\xff\xfe" * 400)
    customer = build(path)
    table = customer.tables["line_items"]
    with pytest.raises(SourceError) as caught, sources.explain_errors(customer, table):
        con.to_pyarrow(sources.read(customer, table, con))
    assert "\n" not in str(caught.value)


@in_files
def test_a_relative_uri_starts_at_the_customer_file(joined, build, kept, tmp_path, con):
    (tmp_path / "data").mkdir()
    (tmp_path / "customers").mkdir()
    path = Path(kept.uri).rename(tmp_path / "data" / Path(kept.uri).name)
    customer = build(f"../data/{path.name}")
    assert sources.read(customer, customer.tables["line_items"], con).count().execute() == 3


@in_files
def test_names_with_pattern_signs_are_read_as_they_are(joined, build, kept, tmp_path, con):
    odd = Path(kept.uri).rename(tmp_path / f"sales [1]{Path(kept.uri).suffix}")
    customer = build(odd)
    assert sources.read(customer, customer.tables["line_items"], con).count().execute() == 3


@in_files
def test_the_fingerprint_changes_with_the_file(joined, build, kept):
    customer = build()
    before = sources.fingerprint(customer, customer.tables["line_items"])
    stat = Path(kept.uri).stat()
    os.utime(kept.uri, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert sources.fingerprint(customer, customer.tables["line_items"]) != before
