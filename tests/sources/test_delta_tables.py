"""Delta tables as other engines leave them: the newest version, and what it may need."""

from datetime import UTC, datetime

import deltalake
import pyarrow as pa
import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError

COLUMNS = {"item_id": "id", "amount": "n"}


@pytest.fixture
def look(acme, con):
    def rows(uri, columns=COLUMNS, options=None):
        customer = acme("delta", uri, columns, options)
        table = customer.tables["line_items"]
        with sources.explain_errors(customer, table):
            return sorted(tuple(row.values()) for row in sources.read(customer, table, con).to_pyarrow().to_pylist())

    return rows


def test_the_newest_version_is_read_and_its_number_is_the_state(look, acme, tmp_path):
    place = tmp_path / "a table"
    customer = acme("delta", place, COLUMNS)

    def mark():
        return sources.fingerprint(customer, customer.tables["line_items"])

    deltalake.write_deltalake(place, pa.table({"id": ["1", "2"], "n": [1, 2]}))
    first = mark()
    assert mark() == first
    deltalake.write_deltalake(place, pa.table({"id": ["3"], "n": [3]}), mode="append")
    deltalake.DeltaTable(place).delete("id = '1'")
    assert look(place) == [("2", 2), ("3", 3)]
    assert mark() != first


def test_partition_columns_and_types_are_those_of_the_table(look, tmp_path):
    rows = {"id": ["1", "2"], "n": [1.5, 2.5], "shop": ["a b", None], "at": [datetime(2024, 1, 1, tzinfo=UTC)] * 2}
    deltalake.write_deltalake(tmp_path / "t", pa.table(rows), partition_by=["shop"])
    found = look(tmp_path / "t", {**COLUMNS, "store_id": "shop", "ts": "at"})
    assert [row[2] for row in found] == ["a b", None]
    assert found[0][1] == 1.5
    assert found[0][3].isoformat() == "2024-01-01T00:00:00+00:00"


def test_a_table_in_a_bucket(look, s3):
    bucket = s3.bucket()
    keys = {"AWS_ALLOW_HTTP": "true", **s3.environ}
    deltalake.write_deltalake(f"s3://{bucket}/lake/t", pa.table({"id": ["1"], "n": [2]}), storage_options=keys)
    assert look(f"s3://{bucket}/lake/t", options=s3.options) == [("1", 2)]
    with pytest.raises(SourceError, match="there is no Delta table s3://"):
        look(f"s3://{bucket}/lake/none", options=s3.options)


def test_no_table_and_a_damaged_one_are_told(look, tmp_path):
    with pytest.raises(SourceError, match=r"there is no Delta table .*holds _delta_log"):
        look(tmp_path)
    with pytest.raises(SourceError, match="a delta table is read from a disk or from s3://"):
        look("gs://b/t")
    deltalake.write_deltalake(tmp_path / "t", pa.table({"id": ["1"], "n": [2]}))
    (file,) = (tmp_path / "t").glob("*.parquet")
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(SourceError, match="is gone"):
        look(tmp_path / "t")
    file.write_bytes(content[:-20])
    with pytest.raises(SourceError, match="cannot be read"):
        look(tmp_path / "t")


def test_a_table_that_needs_a_feature_that_nobody_has_is_told(look, tmp_path):
    deltalake.write_deltalake(tmp_path / "t", pa.table({"id": ["1"], "n": [2]}))
    (log,) = (tmp_path / "t" / "_delta_log").glob("*.json")
    text = log.read_text()
    assert '"minReaderVersion":1' in text
    needs = '"minReaderVersion":3,"readerFeatures":["timeTravelByWish"],"writerFeatures":["timeTravelByWish"]'
    log.write_text(text.replace('"minReaderVersion":1', needs).replace('"minWriterVersion":2', '"minWriterVersion":7'))
    with pytest.raises(SourceError, match=r"t cannot be read|needs what cannot be read") as caught:
        look(tmp_path / "t")
    assert "timeTravelByWish" in str(caught.value)
    assert "\n" not in str(caught.value)
