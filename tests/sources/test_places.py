"""The same files on a disk, in a bucket and in any store of fsspec; found by pattern, told apart by state."""

import gzip
import os
import socket
import threading
from contextlib import contextmanager

import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError

COLUMNS = {"item_id": "id", "amount": "n"}


@pytest.fixture(params=["disk", "s3", "memory"])
def place(request, tmp_path):
    """Yield a place for files: its uri, the options to read it, and put(path, bytes)."""
    if request.param == "disk":

        def put(path, content):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)

        return str(tmp_path), {}, put
    if request.param == "s3":
        s3 = request.getfixturevalue("s3")
        bucket = s3.bucket()
        return (
            f"s3://{bucket}",
            dict(s3.options),
            lambda path, content: s3.client.put_object(Bucket=bucket, Key=path, Body=content),
        )
    import fsspec

    files = fsspec.filesystem("memory")
    root = f"/{tmp_path.name}"

    def put(path, content):
        files.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
        files.pipe_file(f"{root}/{path}", content)

    return f"memory:/{root}", {}, put


@pytest.fixture
def look(acme, con, place):
    def rows(pattern, kind="csv", columns=COLUMNS, **options):
        customer = acme(kind, f"{place[0]}/{pattern}", columns, {**place[1], **options})
        table = customer.tables["line_items"]
        with sources.explain_errors(customer, table):
            found = sources.read(customer, table, con).to_pyarrow().to_pylist()
        return sorted(tuple(row.values()) for row in found)

    return rows


def parquet(**columns):
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    content = io.BytesIO()
    pq.write_table(pa.table(columns), content)
    return content.getvalue()


def test_patterns_find_files_and_no_others(place, look):
    for path in ("a/1.csv", "a/2.csv", "a/b/3.csv", "a/b/c/4.csv", "a/5.txt", "a/.6.csv", "ab/7.csv"):
        place[2](path, f"id,n\n{path},1\n".encode())
    found = {
        pattern: [row[0] for row in look(pattern)] for pattern in ("a/*.csv", "a/**/*.csv", "a*/[!1].csv", "a/?.*")
    }
    assert found == {
        "a/*.csv": ["a/1.csv", "a/2.csv"],
        "a/**/*.csv": ["a/1.csv", "a/2.csv", "a/b/3.csv", "a/b/c/4.csv"],
        "a*/[!1].csv": ["a/2.csv", "ab/7.csv"],
        "a/?.*": ["a/1.csv", "a/2.csv", "a/5.txt"],
    }


def test_one_file_in_each_format(place, look):
    place[2]("x.csv", b"id,n\n1,2\n")
    place[2]("x.csv.gz", gzip.compress(b"id,n\n1,2\n"))
    place[2]("x.cp1252.csv", "id,n\n€,2\n".encode("cp1252"))
    place[2]("x.jsonl", b'{"id":"1","n":{"x":2}}\n')
    place[2]("x.parquet", parquet(id=["1"], n=[2]))
    assert look("x.csv") == look("x.csv.gz") == [("1", "2")]
    assert look("x.cp1252.csv", encoding="cp1252") == [("€", "2")]
    assert look("x.jsonl", "jsonl", {"item_id": "id", "amount": "n.x"}) == [("1", "2")]
    assert look("x.parquet", "parquet") == [("1", 2)]


def test_folders_called_name_is_value_give_a_column(place, look):
    for day, number in (("2024-01-01", 1), ("2024-01-02", 2)):
        place[2](f"c/dt={day}/x.csv", f"id,n\n{number},{number}\n".encode())
        place[2](f"u/dt={day}/x.csv", f"id,n\n{number},{number}\n".encode("utf-16"))
        place[2](f"j/dt={day}/x.jsonl", f'{{"id":"{number}","n":{number}}}\n'.encode())
        place[2](f"p/dt={day}/x.parquet", parquet(id=[str(number)], n=[number]))
    columns = {"item_id": "id", "ts": "dt"}
    days = [("1", "2024-01-01"), ("2", "2024-01-02")]
    assert look("c/*/*.csv", columns=columns) == days
    assert look("u/*/*.csv", columns=columns, encoding="utf-16") == days
    assert look("j/**/*.jsonl", "jsonl", columns) == days
    assert look("p/dt=*/*.parquet", "parquet", columns) == days


def test_a_column_of_the_file_goes_before_its_folder_s(place, look):
    place[2]("n=5/x.csv", b"id,n\n1,2\n")
    place[2]("n=5/x.parquet", parquet(id=["1"], n=["2"]))
    assert look("n=5/x.csv") == look("n=5/x.parquet", "parquet") == [("1", "2")]


def test_files_with_other_headers_are_read_together(place, look):
    for number in range(12):
        place[2](f"{number}.csv", f"n,id\n{number},x\n".encode() if number % 2 else f"id,n\nx,{number}\n".encode())
    assert look("*.csv") == sorted(("x", str(number)) for number in range(12))


def test_state_changes_when_bytes_do_and_only_then(place, acme):
    def mark():
        customer = acme("csv", f"{place[0]}/*.csv", COLUMNS, place[1])
        return sources.fingerprint(customer, customer.tables["line_items"])

    place[2]("a.csv", b"id,n\n1,2\n")
    before = mark()
    assert mark() == before
    place[2]("a.csv", b"id,n\n1,3\n")
    after = mark()
    assert after != before
    place[2]("b.csv", b"id,n\n1,3\n")
    assert mark() not in (before, after)


def test_signs_of_patterns_and_blanks_in_names_are_taken_as_they_are(place, look):
    place[2]("with a blank/sales [1].csv", b"id,n\n1,2\n")
    assert look("with a blank/*.csv") == [("1", "2")]


def test_what_is_not_there_is_named(place, look):
    place[2]("a.csv", b"id,n\n1,2\n")
    for pattern, message in (("none.csv", "there is no file .*none.csv"), ("*.x", r"no file matches .*\*\.x")):
        with pytest.raises(SourceError, match=message) as caught:
            look(pattern)
        assert "Correct sources.sales.uri in customers/acme.yaml" in str(caught.value)


def test_a_bucket_and_keys_that_are_wrong_are_told_apart(s3, acme, con):
    import urllib.request

    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="a.csv", Body=b"id,n\n1,2\n")

    def told(uri, **options):
        customer = acme("csv", uri, COLUMNS, {**s3.options, **options})
        with pytest.raises(SourceError) as caught:
            sources.read(customer, customer.tables["line_items"], con)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "there is no bucket 'none-such'" in told("s3://none-such/*.csv")
    assert "there is no bucket 'none-such'" in told("s3://none-such/a.csv")
    assert "names no bucket" in told("s3://*/a.csv")
    customer = acme("csv", f"s3://{bucket}/a.csv", COLUMNS, {"endpoint": s3.endpoint, "access_key_id": "only one"})
    with pytest.raises(SourceError, match="only access_key_id is given"):
        sources.read(customer, customer.tables["line_items"], con)

    def refuse_unknown_keys_after(requests):
        address = f"{s3.endpoint}/moto-api/reset-auth"
        asked = urllib.request.Request(address, requests, {"Content-Type": "text/plain"}, method="POST")
        urllib.request.urlopen(asked, timeout=10).close()

    refuse_unknown_keys_after(b"0")
    try:
        wrong = told(f"s3://{bucket}/*.csv", access_key_id="AKIAWRONG", secret_access_key="hidden word")
    finally:
        refuse_unknown_keys_after(b"inf")
    assert "refuses the keys" in wrong
    assert "hidden word" not in wrong
    assert "options" in wrong


@contextmanager
def silent():
    """Yield a port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as server:
        taken = []

        def take():
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


@pytest.mark.parametrize(
    ("kind", "uri"), [("csv", "s3://b/*.csv"), ("parquet", "s3://b/x.parquet"), ("delta", "s3://b/t")]
)
@pytest.mark.timeout(30)
def test_a_store_that_never_answers_is_given_up(acme, con, kind, uri):
    with silent() as endpoint:
        options = {"endpoint": endpoint, "access_key_id": "a", "secret_access_key": "b", "timeout_seconds": 1}
        customer = acme(kind, uri, COLUMNS, options)
        with pytest.raises(SourceError, match=r"127\.0\.0\.1.* gave no answer within 1 s"):
            sources.fingerprint(customer, customer.tables["line_items"])


@pytest.mark.timeout(30)
def test_a_store_of_fsspec_that_never_answers_is_given_up(acme, con, monkeypatch):
    import time

    from fsspec.implementations.memory import MemoryFileSystem

    monkeypatch.setattr(MemoryFileSystem, "glob", lambda *given, **named: time.sleep(20))
    customer = acme("csv", "memory://x/*.csv", COLUMNS, {"timeout_seconds": 1})
    with pytest.raises(SourceError, match="memory:// gave no answer within 1 s"):
        sources.fingerprint(customer, customer.tables["line_items"])


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("gs://bucket/*.csv", "needs a package that is not installed .*pip install gcsfs"),
        ("nope://x/*.csv", "'nope://' is no known kind of place"),
        ("simplecache::s3://b/*.csv", "is a chain of places"),
    ],
)
def test_a_place_that_cannot_be_reached_is_explained(acme, uri, message):
    if uri.startswith("gs"):
        try:
            import gcsfs  # noqa: F401
        except ImportError:
            pass
        else:
            pytest.skip("gcsfs is installed here")
    customer = acme("csv", uri, COLUMNS)
    with pytest.raises(SourceError, match=message):
        sources.fingerprint(customer, customer.tables["line_items"])


def test_the_environment_gives_keys_where_the_file_does_not(s3, acme, con, monkeypatch):
    bucket = s3.bucket()
    s3.client.put_object(Bucket=bucket, Key="a.csv", Body=b"id,n\n1,2\n")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in s3.environ.items():
        monkeypatch.setenv(name, value)
    customer = acme("csv", f"s3://{bucket}/*.csv", COLUMNS)
    assert sources.read(customer, customer.tables["line_items"], con).count().execute() == 1
