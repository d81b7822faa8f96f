"""A customer's data stays in the customer's root, whatever a path, a link or a bucket says."""

import pytest

from capflow_resources import sources
from capflow_resources.sources import SourceError
from capflow_resources.sources.files import roots
from partitions.customer import Customer, Source
from partitions.customer_file import load_customer

FILE = """
name: acme
vertical: gifts
currency: GBP
timezone: Europe/London
{root}
sources: {{sales: {{kind: csv, uri: "{uri}"}}}}
tables: {{line_items: {{source: sales, columns: {{item_id: id, amount: n}}}}}}
"""


@pytest.fixture
def customer(tmp_path):
    """Create acme, whose data is in data/acme, beside another customer's in data/bob."""
    for name in ("acme", "bob"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "sales.csv").write_text("id,n\n1,2\n")
    (tmp_path / "customers").mkdir()

    def loaded(uri, root="", **environ) -> Customer:
        path = tmp_path / "customers" / "acme.yaml"
        text = FILE.format(uri=uri, root=f"root: {root}" if root else "")
        path.write_text(text.replace("DATA", str(tmp_path / "data")), encoding="utf-8")
        return load_customer(path, environ)

    return loaded


def rows(customer, con):
    return sources.read(customer, customer.tables["line_items"], con).count().execute()


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("DATA/acme/sales.csv", "DATA/acme"),
        ("DATA/acme/*.csv", "DATA/acme/"),
        ("../data/acme/*.csv", "../data/acme"),
        ("../data/bob/../acme/*.csv", "../data/acme"),
        ("DATA/acme/sales.csv", ""),
        ("../data/acme/*.csv", ""),
        ("file://DATA/acme/*.csv", "DATA"),
    ],
)
def test_what_is_inside_is_read(customer, con, uri, root):
    assert rows(customer(uri, root), con) == 1


@pytest.mark.parametrize(
    ("uri", "root"),
    [
        ("DATA/bob/sales.csv", "DATA/acme"),
        ("DATA/*/sales.csv", "DATA/acme"),
        ("DATA/acme/../bob/sales.csv", "DATA/acme"),
        ("DATA/acme/*/../../bob/*.csv", ""),
        ("../data/bob/*.csv", "../data/acme"),
        ("s3://bucket/*.csv", "DATA/acme"),
        ("DATA/acme/sales.csv", "s3://bucket/acme"),
        ("s3://other/acme/*.csv", "s3://bucket/acme"),
        ("s3://bucket/acme2/*.csv", "s3://bucket/acme"),
        ("s3://bucket/acme/../bob/*.csv", "s3://bucket/acme"),
    ],
)
def test_what_is_outside_is_refused_before_it_is_opened(customer, con, tmp_path, uri, root):
    (tmp_path / "data" / "acme" / "folder").mkdir()
    with pytest.raises(SourceError, match="is outside of") as caught:
        rows(customer(uri, root), con)
    text = str(caught.value)
    assert text.startswith("source 'sales' of 'acme': ")
    assert "correct sources.sales.uri or root in customers/acme.yaml" in text
    assert "\n" not in text


@pytest.mark.parametrize("root", ["DATA/acme", ""])
def test_a_link_that_leads_outside_is_refused(customer, con, tmp_path, root):
    (tmp_path / "data" / "acme" / "stolen.csv").symlink_to(tmp_path / "data" / "bob" / "sales.csv")
    (tmp_path / "data" / "acme" / "all").symlink_to(tmp_path / "data" / "bob", target_is_directory=True)
    for pattern in ("*.csv", "*/*.csv", "**/*.csv"):
        with pytest.raises(SourceError, match=r"(stolen|all/sales)\.csv is outside of"):
            rows(customer(f"DATA/acme/{pattern}", root), con)


def test_a_link_within_the_root_and_a_root_that_is_a_link_are_read(customer, con, tmp_path):
    (tmp_path / "data" / "acme" / "again.csv").symlink_to(tmp_path / "data" / "acme" / "sales.csv")
    (tmp_path / "data" / "link").symlink_to(tmp_path / "data" / "acme", target_is_directory=True)
    assert rows(customer("DATA/link/*.csv", "DATA/acme"), con) == 2
    assert rows(customer("DATA/link/*.csv"), con) == 2


def test_the_operator_s_root_beats_the_file_s(customer, con, tmp_path):
    inside = f"{tmp_path}/data/{{customer}}"
    assert rows(customer("DATA/acme/*.csv", "DATA/bob", CAPFLOW_ROOT=inside), con) == 1
    with pytest.raises(SourceError, match=r"bob.*is outside of '.*data/acme', the root of 'acme'"):
        rows(customer("DATA/bob/*.csv", "DATA/bob", CAPFLOW_ROOT=inside), con)


def test_a_bucket_s_prefix_is_a_root(s3, acme, con):
    from dataclasses import replace

    bucket = s3.bucket()
    for name in ("acme", "bob"):
        s3.client.put_object(Bucket=bucket, Key=f"{name}/a.csv", Body=b"id,n\n1,2\n")
    columns = {"item_id": "id", "amount": "n"}
    inside = replace(acme("csv", f"s3://{bucket}/acme/*.csv", columns, s3.options), root=f"s3://{bucket}/acme")
    assert rows(inside, con) == 1
    outside = replace(acme("csv", f"s3://{bucket}/**/*.csv", columns, s3.options), root=f"s3://{bucket}/acme")
    with pytest.raises(SourceError, match="is outside of"):
        rows(outside, con)


@pytest.mark.parametrize("way", ["{0.name}", "../bob/{0.name}", "{0}", "file://{0}"])
def test_a_delta_table_that_names_files_elsewhere_is_refused(acme, con, tmp_path, way):
    """A clone's log may name any file of the disk."""
    import deltalake
    import pyarrow as pa

    table = pa.table({"id": ["1"], "n": [2]})
    deltalake.write_deltalake(tmp_path / "bob", table)
    deltalake.write_deltalake(tmp_path / "acme", table)
    (stolen,) = (tmp_path / "bob").glob("*.parquet")
    (log,) = (tmp_path / "acme" / "_delta_log").glob("*.json")
    (own,) = (tmp_path / "acme").glob("*.parquet")
    log.write_text(log.read_text().replace(own.name, way.format(own if way == "{0.name}" else stolen)))
    customer = acme("delta", tmp_path / "acme", {"item_id": "id", "amount": "n"})
    if way == "{0.name}":
        assert rows(customer, con) == 1
        return
    with pytest.raises(SourceError, match="outside of"):
        rows(customer, con)


def test_other_modules_ask_by_one_function(customer, tmp_path):
    retailer = customer("DATA/acme/*.csv", "DATA/acme")
    source = Source("photos", "media", "list.csv")
    roots.check_root(retailer, source, tmp_path / "data" / "acme" / "x" / "photo.jpg")
    for place in (tmp_path / "data" / "bob" / "photo.jpg", "https://example.org/photo.jpg", "../data/photo.jpg"):
        with pytest.raises(SourceError, match=r"source 'photos' of 'acme': .* is outside of"):
            roots.check_root(retailer, source, place)
