"""The lake in a bucket: what it writes is whole, versioned, and read by DuckDB, pyarrow and boto3 alike."""

from datetime import UTC, datetime

import ibis
import pyarrow as pa
import pytest

from capflow_resources.engines.duckdb import connect
from capflow_resources.lake import Lake, LakeError
from tests.servers.s3 import S3

ROWS = pa.table(
    {
        "row": [1, 2, 3],
        "word": ["é", None, "😀"],
        "at": pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * 3, pa.timestamp("us", tz="UTC")),
        "local": pa.array([datetime(2024, 1, 1)] * 3, pa.timestamp("us")),
    }
)


@pytest.fixture
def lake(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake under a prefix of an empty bucket, by nothing but the environment."""
    for name, value in s3.environ.items():
        monkeypatch.setenv(name, value)
    return Lake(f"s3://{s3.bucket()}/lakes/one")


@pytest.mark.parametrize("lazy", [False, True])
def test_what_is_written_is_read_by_every_client(lake: Lake, s3: S3, lazy: bool) -> None:
    import deltalake
    import pyarrow.fs
    import pyarrow.parquet as pq

    con = connect()
    data = con.create_table("rows", ROWS) if lazy else ROWS
    written = lake.write("bob", "raw/bills", data, {"by": "us"})
    assert (written.version, written.rows, written.facts) == (0, 3, {"by": "us"})
    expected = sorted(ROWS.to_pylist(), key=str)
    assert sorted(lake.read("bob", "raw/bills", connect()).to_pyarrow().to_pylist(), key=str) == expected

    bucket = lake.uri.split("/")[2]
    keys = [item["Key"] for item in s3.client.list_objects_v2(Bucket=bucket)["Contents"]]
    (file,) = [key for key in keys if key.endswith(".parquet")]
    assert file.startswith("lakes/one/bob/raw/bills/")
    files = pyarrow.fs.S3FileSystem(
        endpoint_override=s3.endpoint, access_key="testkey", secret_key="testsecret", region="us-east-1"
    )
    assert sorted(pq.read_table(f"{bucket}/{file}", filesystem=files).to_pylist(), key=str) == expected
    keys_for_delta = {"AWS_ALLOW_HTTP": "true"}
    assert deltalake.DeltaTable(f"{lake.uri}/bob/raw/bills", storage_options=keys_for_delta).count() == 3


def test_versions_replacements_and_rows_of_a_condition(lake: Lake) -> None:
    con = connect()
    lake.write("bob", "prediction/churn", con.create_table("a", pa.table({"as_of": ["1", "2"], "n": [1, 2]})), {"v": 0})
    lake.write("bob", "prediction/churn", pa.table({"as_of": ["2"], "n": [5]}), {"v": 1}, replace="as_of = '2'")
    lake.write("bob", "prediction/churn", con.create_table("b", pa.table({"as_of": ["3"], "n": [3]})), {"v": 2})
    found = lake.version("bob", "prediction/churn")
    assert found is not None
    assert (found.version, found.facts) == (2, {"v": 2})

    def rows(version: int | None = None) -> list[tuple[str, int]]:
        table = lake.read("bob", "prediction/churn", connect(), version)
        return sorted((row["as_of"], row["n"]) for row in table.to_pyarrow().to_pylist())

    assert rows() == [("3", 3)]
    assert rows(1) == [("1", 1), ("2", 5)]
    assert rows(0) == [("1", 1), ("2", 2)]


def test_an_empty_table_and_one_that_was_never_written(lake: Lake) -> None:
    con = connect()
    empty = con.create_table("rows", ROWS.slice(0, 0))
    assert lake.write("bob", "raw/bills", empty, {}).rows == 0
    assert lake.read("bob", "raw/bills", connect()).count().execute() == 0
    assert lake.version("bob", "raw/items") is None
    with pytest.raises(LakeError, match="'bob' has no raw/items yet"):
        lake.read("bob", "raw/items", con)


def test_rows_that_cannot_be_computed_leave_nothing_behind(lake: Lake, s3: S3) -> None:
    con = connect()
    rows = con.create_table("rows", pa.table({"n": ["1", "x"]}))
    lake.write("bob", "raw/bills", pa.table({"n": [1]}), {})
    with pytest.raises(Exception, match="Could not convert"):
        lake.write("bob", "raw/bills", rows.mutate(n=rows.n.cast("int64")), {})
    found = lake.version("bob", "raw/bills")
    assert found is not None
    assert (found.version, found.rows) == (0, 1)
    bucket = lake.uri.split("/")[2]
    keys = [item["Key"] for item in s3.client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert len([key for key in keys if key.endswith(".parquet")]) == 1


def test_documents(lake: Lake) -> None:
    assert lake.document("bob", "validation/verdict.json") is None
    lake.put_document("bob", "validation/verdict.json", b"{}")
    assert lake.document("bob", "validation/verdict.json") == b"{}"


def test_a_bucket_that_is_not_there_is_told(lake: Lake) -> None:
    away = Lake("s3://none-such/lake")
    rows: ibis.Table = connect().create_table("rows", ROWS)
    for data in (rows, ROWS):
        with pytest.raises(LakeError, match=r"could not be (written to|read from) s3://none-such/lake") as caught:
            away.write("bob", "raw/bills", data, {})
        assert "\n" not in str(caught.value)


def test_a_write_that_another_process_overtook_is_told_or_follows_it(lake: Lake) -> None:
    """Conditional puts keep two commits from having one number."""
    from concurrent.futures import ThreadPoolExecutor

    lake.write("bob", "raw/bills", pa.table({"n": [0]}), {})

    def write(number: int) -> int | None:
        try:
            return Lake(lake.uri).write("bob", "raw/bills", pa.table({"n": [number]}), {"n": number}).version
        except LakeError as error:
            if "published by another process" not in str(error):
                raise
            return None

    with ThreadPoolExecutor(4) as pool:
        versions = [version for version in pool.map(write, range(1, 9)) if version is not None]
    newest = lake.version("bob", "raw/bills")
    assert newest is not None
    assert sorted(versions) == list(range(1, newest.version + 1))
    (row,) = lake.read("bob", "raw/bills", connect()).to_pyarrow().to_pylist()
    assert row["n"] == newest.facts["n"]
