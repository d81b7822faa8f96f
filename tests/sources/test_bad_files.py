"""A file that is damaged, gone or not allowed: one line that says so, and nothing of it in the lake."""

import gzip
import os
import resource
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capflow_assets.raw import asset as raw
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources import sources
from capflow_resources.sources import SourceError

FILE = """
name: acme
vertical: gifts
currency: GBP
timezone: Europe/London
sources: {{sales: {{kind: {kind}, uri: "{uri}"}}}}
tables:
  line_items:
    source: sales
    allow_empty: {allow_empty}
    columns: {{item_id: id, amount: n}}
"""
CSV = b"id,n\n" + b"abcdefgh,123456\n" * 200_000
JSON = b'{"id":"abcdefgh","n":123456}\n' * 100_000


def parquet() -> bytes:
    content = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": [str(number) for number in range(200_000)], "n": range(200_000)}), content)
    return content.getvalue().to_pybytes()


@pytest.fixture
def load(home, tmp_path):
    """Load the files of a kind as a run does, and return the number of rows in the lake."""

    def loaded(kind: str, name: str, content: bytes | None, allow_empty: bool = False) -> int:
        if content is not None:
            (tmp_path / name).write_bytes(content)
        home.customers_folder.mkdir(parents=True, exist_ok=True)
        text = FILE.format(kind=kind, uri=tmp_path / name, allow_empty=str(allow_empty).lower())
        (home.customers_folder / "acme.yaml").write_text(text, encoding="utf-8")
        run = CustomerRun(home, "acme")
        try:
            raw.load(run, "raw/line_items")
        finally:
            run.close()
        version = home.lake.version("acme", "raw/line_items")
        assert version is not None
        return version.rows

    return loaded


def in_the_middle(content: bytes, wrong: bytes) -> bytes:
    end = content.index(b"\n", len(content) // 2) + 1
    return content[:end] + wrong + content[end:]


BAD = {
    "csv, cut off": ("csv", "a.csv", CSV[:-9], "a.csv, line 200001, has 1 values where the header has 2"),
    "csv, cut off in gzip": ("csv", "a.csv.gz", gzip.compress(CSV)[:-3000], "a.csv.gz is cut off or damaged"),
    "csv, gzip without its end": ("csv", "a.csv.gz", gzip.compress(CSV)[:-8], "a.csv.gz is cut off or damaged"),
    "csv, no gzip": ("csv", "a.csv.gz", CSV, "a.csv.gz is cut off or damaged"),
    "csv, cut off in zstd": (
        "csv",
        "a.csv.zst",
        pa.Codec("zstd").compress(CSV, asbytes=True)[:-100],
        "a.csv.zst is cut off or damaged",
    ),
    "csv, another encoding": ("csv", "a.csv", in_the_middle(CSV, b"\xe9,1\n"), "line 100002, is not in the encoding"),
    "csv, open quote": ("csv", "a.csv", in_the_middle(CSV, b'"x,1\n'), "line 100002, has .*quote"),
    "csv, doubled column": ("csv", "a.csv", b"id,n,id\n1,2,3\n", "has 2 columns named 'id'"),
    "csv, nothing in it": ("csv", "a.csv", b"", "the first line of .*a.csv is empty"),
    "csv, only a header": ("csv", "a.csv", b"id,n\n", "there is no row for line_items"),
    "csv, another kind": ("csv", "a.csv", parquet(), "a.csv"),
    "jsonl, cut off": ("jsonl", "a.jsonl", JSON[:-9], "a.jsonl, line 100000, is cut off"),
    "jsonl, cut off in gzip": ("jsonl", "a.jsonl.gz", gzip.compress(JSON)[:-100], "a.jsonl.gz is cut off or damaged"),
    "jsonl, another encoding": ("jsonl", "a.jsonl", in_the_middle(JSON, b'{"id":"\xe9"}\n'), "is not in the encoding"),
    "jsonl, doubled column": ("jsonl", "a.jsonl", in_the_middle(JSON, b'{"id":1,"id":2}\n'), "'id' twice in one row"),
    "jsonl, nothing in it": ("jsonl", "a.jsonl", b"", "there is no row for line_items"),
    "jsonl, an empty list": ("jsonl", "a.json", b"[]", "there is no row for line_items"),
    "parquet, cut off": ("parquet", "a.parquet", parquet()[:-200], "a.parquet.* cannot be read"),
    "parquet, damaged within": (
        "parquet",
        "a.parquet",
        parquet()[:4] + b"\xff" * 50_000 + parquet()[50_004:],
        "a.parq",
    ),
    "parquet, nothing in it": ("parquet", "a.parquet", b"", "a.parquet.* cannot be read"),
    "gone": ("csv", "a.csv", None, "there is no file .*a.csv"),
}


@pytest.mark.parametrize("case", BAD)
def test_nothing_of_a_bad_file_is_loaded(load, home, case):
    kind, name, content, message = BAD[case]
    with pytest.raises(SourceError, match=message) as caught:
        load(kind, name, content)
    text = str(caught.value)
    assert text.startswith("source 'sales' of 'acme': ")
    assert "\n" not in text
    assert len(text) < 600
    assert home.lake.version("acme", "raw/line_items") is None


@pytest.mark.parametrize(
    ("kind", "name", "start"),
    [("csv", "a.csv", b"id,n\n1,"), ("csv", "b.csv", b"id,n\n1,2\n2,"), ("jsonl", "a.jsonl", b'{"id":"')],
)
@pytest.mark.timeout(60)
def test_a_cell_of_two_gibibytes_is_refused_at_once(load, tmp_path, kind, name, start):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (tmp_path / name).open("wb") as file:
        file.write(start)
        file.truncate(1 << 31)  # takes no room on the disk
    with pytest.raises(SourceError, match="million bytes"):
        load(kind, name, None)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000, "kilobytes"


@pytest.mark.timeout(60)
def test_a_cell_of_two_gibibytes_in_a_small_packed_file_is_refused_at_once(load):
    megabyte = gzip.compress(b"x" * (1 << 20))
    with pytest.raises(SourceError, match="has a line of more than 16 million bytes"):
        load("csv", "a.csv.gz", gzip.compress(b"id,n\n1,") + megabyte * 2048)


def test_a_table_may_be_empty_where_the_file_says_so(load):
    assert load("csv", "a.csv", b"id,n\n1,2\n") == 1
    with pytest.raises(SourceError, match=r"Send its rows, or set tables\.line_items\.allow_empty: true"):
        load("csv", "a.csv", b"id,n\n")
    assert load("csv", "a.csv", b"id,n\n", allow_empty=True) == 0


@pytest.mark.parametrize(("kind", "content"), [("csv", CSV), ("jsonl", JSON), ("parquet", parquet())])
def test_a_file_that_vanishes_after_it_was_found_is_told(acme, con, tmp_path, kind, content):
    for number in range(3):
        (tmp_path / f"{number}.x").write_bytes(content)
    customer = acme(kind, tmp_path / "*.x", {"item_id": "id", "amount": "n"})
    table = customer.tables["line_items"]
    rows = sources.read(customer, table, con)
    (tmp_path / "1.x").unlink()
    gone = pytest.raises(SourceError, match=r"1\.x is gone, though it was there before")
    with gone as caught, sources.explain_errors(customer, table):
        rows.to_pyarrow()
    assert "\n" not in str(caught.value)


def test_a_file_that_may_not_be_read_is_told(acme, con):
    with tempfile.TemporaryDirectory(prefix="capflow-test-") as folder:  # pytest's own folder is for its user alone
        path = Path(folder) / "sales.csv"
        path.write_bytes(b"id,n\n1,2\n")
        path.chmod(0)
        Path(folder).chmod(0o755)
        customer = acme("csv", path, {"item_id": "id", "amount": "n"})
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(65534)  # root may read everything
        try:
            with pytest.raises(SourceError, match=r"sales\.csv may not be read \(permission denied\)"):
                sources.read(customer, customer.tables["line_items"], con)
        finally:
            if is_root:
                os.seteuid(0)
