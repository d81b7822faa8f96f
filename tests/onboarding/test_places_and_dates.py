"""Which files belong together, what a name says, and how dates are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from capflow_assets.onboarding.matching.name_scores import RULES, name_score
from capflow_assets.onboarding.profiling.places import extract_secrets, parse_server
from capflow_assets.onboarding.profiling.profiles import TimestampFormat
from capflow_assets.onboarding.profiling.source_profiler import SourceProfiler
from capflow_assets.onboarding.profiling.timestamp_formats import detect_format
from tests.servers.s3 import S3


def places(folder: Path) -> dict[str, str]:
    profiler = SourceProfiler("acme", 60, {})
    try:
        return {
            place.source: f"{place.kind} {Path(place.written).relative_to(folder)} {dict(place.options) or ''}".strip()
            for place in profiler.places([str(folder)])
        }
    finally:
        profiler.close()


def test_files_of_one_header_form_are_one_source_and_others_are_not(tmp_path: Path) -> None:
    for month in (1, 2, 3):
        (tmp_path / f"sales_2025-{month:02}.csv").write_text("bill,item,price\n1,a,2\n")
    (tmp_path / "sales_2025-04.csv").write_text("bill,item,price,card\n1,a,2,x\n")
    (tmp_path / "berlin.txt").write_text("id;name\n1;x\n")
    (tmp_path / "items_v1.csv").write_text("id,name\n1,x\n")
    (tmp_path / "items_v2.csv").write_text("code,colour,size\n1,x,y\n")
    (tmp_path / "readme.md").write_text("words")
    assert places(tmp_path) == {
        "sales": "csv sales_*.csv",
        "berlin": "csv berlin.txt {'delimiter': ';'}",
        "items_v": "csv items_v1.csv",
        "items_v_2": "csv items_v2.csv",
    }


def test_files_of_the_same_header_and_other_names_are_one_source_by_a_pattern(tmp_path: Path) -> None:
    for town in ("berlin", "paris", "rome"):
        (tmp_path / f"{town}.csv").write_text("bill,item,price\n1,a,2\n")
    assert list(places(tmp_path).values()) == ["csv *.csv"]


def test_an_encoding_is_found(tmp_path: Path) -> None:
    (tmp_path / "articles.csv").write_bytes("code,text\n1,caf\u00e9\n".encode("latin-1"))
    assert places(tmp_path) == {"articles": "csv articles.csv {'encoding': 'latin-1'}"}


def test_a_folder_in_a_bucket_is_listed_like_one_on_disk(s3: S3) -> None:
    bucket = s3.bucket()
    for name in ("sales_1.csv", "sales_2.csv", "items.csv"):
        content = "id,name\n1,x\n" if name == "items.csv" else "bill,item,price\n1,a,2\n"
        s3.client.put_object(Bucket=bucket, Key=f"shop/{name}", Body=content.encode())
    profiler = SourceProfiler("acme", 60, {}, {key: str(value) for key, value in s3.options.items()})
    try:
        found = {place.source: place.written for place in profiler.places([f"s3://{bucket}/shop"])}
        assert found == {"items": f"s3://{bucket}/shop/items.csv", "sales": f"s3://{bucket}/shop/sales_*.csv"}
        assert sum(table.rows for table in profiler.tables(profiler.places([f"s3://{bucket}/shop/"]))) == 3
    finally:
        profiler.close()


@pytest.mark.parametrize(
    ("given", "written", "secrets"),
    [
        (
            "postgresql://ann:s:e@c/r@t@db.example.com/shop?sslmode=require",
            "postgresql://${THE_SHOP_USER}:${THE_SHOP_PASSWORD}@db.example.com/shop?sslmode=require",
            {"THE_SHOP_USER": "ann", "THE_SHOP_PASSWORD": "s:e@c/r@t"},
        ),
        (
            "mongodb://h/shop?authToken=abc&x=1",
            "mongodb://h/shop?authToken=${THE_SHOP_AUTHTOKEN}&x=1",
            {"THE_SHOP_AUTHTOKEN": "abc"},
        ),
        ("mysql://${U}:${P}@h/shop", "mysql://${U}:${P}@h/shop", {}),
    ],
)
def test_secrets_of_an_address_become_variables(given: str, written: str, secrets: dict[str, str]) -> None:
    assert extract_secrets(given, "the-shop") == (written, secrets)
    place = parse_server(given, "the-shop", {"U": "u", "P": "p"})
    assert place is not None
    assert (place.source, place.written) == ("shop", written)


def read_dates(values: list[str]) -> TimestampFormat | None:
    import duckdb

    con = duckdb.connect()
    con.execute("CREATE TABLE t (d VARCHAR)")
    con.executemany("INSERT INTO t VALUES (?)", [[value] for value in values])
    return detect_format(con, "t", "d", "VARCHAR", "d", len(values))


def test_day_and_month_are_told_apart_by_values_above_12() -> None:
    found = read_dates(["03/04/2024 10:00", "25/04/2024 11:30"] * 20)
    assert found is not None
    assert (found.pattern, found.doubt) == ("%d/%m/%Y %H:%M", "")
    found = read_dates(["03/04/2024", "04/25/2024"] * 20)
    assert found is not None
    assert (found.pattern, found.doubt, found.has_clock) == ("%m/%d/%Y", "", False)


def test_day_and_month_are_told_apart_by_the_order_of_rows_and_the_doubt_is_told() -> None:
    found = read_dates([f"{day:02}/{month:02}/2024" for month in (1, 2, 3) for day in range(1, 13)])
    assert found is not None
    assert (found.pattern, found.doubt) == ("%d/%m/%Y", "%m/%d/%Y")
    assert "in the order of time" in found.proof


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        ("31.12.2024 23:59:01", "%d.%m.%Y %H:%M:%S"),
        ("20241231", "%Y%m%d"),
        ("31-Dec-2024", "%d-%b-%Y"),
        ("12/31/2024 11:59 PM", "%m/%d/%Y %I:%M %p"),
        ("December 31, 2024", "%B %d, %Y"),
        ("2024-12-31T23:59:01Z", None),
    ],
)
def test_the_usual_ways_to_write_dates(value: str, pattern: str | None) -> None:
    found = read_dates([value] * 30)
    assert found is not None
    assert found.pattern == pattern
    assert found.parsed_share == 1


@pytest.mark.parametrize("value", ["12345678", "A-2024-17", "10.50", "ISO 9001", "0171/2345678"])
def test_what_is_no_date(value: str) -> None:
    assert read_dates([value] * 30) is None


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("InvoiceNo", "bill_id"),
        ("order_id", "bill_id"),
        ("Kassenbonnummer", "bill_id"),
        ("customerid", "user_id"),
        ("loyalty_card_no", "user_id"),
        ("numero_client", "user_id"),
        ("SKU", "item_id"),
        ("prod_code", "item_id"),
        ("TransactionDate", "ts"),
        ("Qty", "quantity"),
        ("UnitPrice", "unit_price"),
        ("prix_unitaire", "unit_price"),
        ("TotalAmount", "amount"),
        ("Umsatz", "amount"),
        ("discount_amount", "discount"),
        ("store_nbr", "store_id"),
        ("sales_channel", "channel"),
        ("is_returned", "is_return"),
        ("member_since", "first_seen"),
        ("product_name", "description"),
        ("stars", "rating"),
        ("image_url", "image"),
    ],
)
def test_a_name_says_its_column_first(name: str, column: str) -> None:
    rivals = {"bill_id", "user_id", "item_id", "store_id", "campaign_id", *RULES} - {column}
    alike = {"unit_price": {"price"}, "amount": {"price"}, "image": {"uri"}, "description": {"text", "label", "offer"}}
    best = max(name_score(other, name) for other in rivals - alike.get(column, set()))
    assert name_score(column, name) >= 0.6
    assert name_score(column, name) > best


@pytest.mark.parametrize("name", ["customer_age", "order_week", "product_weight", "zip", "tax_rate", "store_city"])
def test_a_name_of_something_else_is_no_clear_column(name: str) -> None:
    columns = {"bill_id", "user_id", "item_id", "store_id", "campaign_id", *RULES}
    assert max(name_score(column, name) for column in columns) < 0.8
