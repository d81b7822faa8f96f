"""A retailer whose bills are documents, loaded as customers are: the same tables as from files, whole or not at all."""

import gc
import traceback
from datetime import date
from decimal import Decimal
from pathlib import Path

import bson
import pytest

from capflow_assets.raw import asset as raw
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.simulator import Retailer, customer_file, simulate, write
from capflow_assets.validated.tables import clean, drop_rows
from capflow_resources import sources
from capflow_resources.sources import SourceError
from partitions.customer_file import load_customer
from tests.servers import couchdb as couchdb_server
from tests.servers import dynamodb as dynamodb_server
from tests.servers.mongodb import CUT, PASSWORD, USER

RETAILER = Retailer("corner", "food_and_beverage", 60, date(2025, 5, 1), 60, 5, timezone="Europe/London")
OF_BILL = ["bill_id", "user_id", "ts", "store_id", "channel"]
FILE = """
name: corner
vertical: food_and_beverage
currency: EUR
timezone: Europe/London
sources:
  shop: {source}
tables:
  line_items:
    source: shop
    table: orders
    explode: lines
    columns:
      bill_id: number
      user_id: shopper.id
      ts: at
      store_id: shop
      channel: via
      item_id: lines.sku
      quantity: lines.qty
      unit_price: lines.price
      discount: lines.off
      is_return: lines.returned
"""
SOURCES = {
    "mongodb": "{kind: mongodb, options: {page_size: 50, timeout_seconds: 0.5}, "
    'uri: "mongodb://${SHOP_USER}:${SHOP_PASSWORD}@127.0.0.1:${PORT}/shop?authSource=admin"}',
    "dynamodb": '{kind: dynamodb, uri: "dynamodb://eu-west-1", options: {endpoint: "http://127.0.0.1:${PORT}", '
    'access_key_id: "${SHOP_USER}", secret_access_key: "${SHOP_PASSWORD}"}}',
    "couchdb": '{kind: couchdb, uri: "http://127.0.0.1:${PORT}"}',
}


@pytest.fixture(scope="module")
def world():
    return simulate(RETAILER)


def bills(world, money, moment):
    """Return one document per bill, with its lines in a list, as a web shop stores them."""
    lines = world.line_items.astype(object).where(world.line_items.notna(), None)
    found = []
    for values, group in lines.groupby(OF_BILL, dropna=False, sort=False):
        bill = dict(zip(OF_BILL, values, strict=True))
        document = {
            "number": bill["bill_id"],
            "at": moment(bill["ts"]),
            "shop": bill["store_id"],
            "via": bill["channel"],
        }
        if isinstance(bill["user_id"], str):
            document["shopper"] = {"id": bill["user_id"]}
        document["lines"] = [
            {
                "sku": line.item_id,
                "qty": int(line.quantity),
                "price": money(line.unit_price),
                "off": money(line.discount),
                "returned": bool(line.is_return),
            }
            for line in group.itertuples()
        ]
        found.append(document)
    return found


def exact(amount):
    return Decimal(repr(float(amount)))


def in_mongodb(world, mongodb):
    def moment(ts):
        return ts.tz_localize("Europe/London", ambiguous=False, nonexistent="shift_forward").to_pydatetime()

    found = bills(world, lambda amount: bson.Decimal128(exact(amount)), moment)
    mongodb.accident = lambda number, name, command: None
    mongodb.fill("shop", "orders", [{"_id": bson.ObjectId(), **bill} for bill in found])
    return {"PORT": str(mongodb.port), "SHOP_USER": USER, "SHOP_PASSWORD": PASSWORD}


def in_dynamodb(world, dynamodb):
    dynamodb_server.fill(dynamodb, "orders", bills(world, exact, lambda ts: ts.isoformat()))
    return {"PORT": str(dynamodb), "SHOP_USER": dynamodb_server.KEY_ID, "SHOP_PASSWORD": dynamodb_server.SECRET}


def in_couchdb(world, couchdb):
    couchdb_server.fill(couchdb, "orders", bills(world, float, lambda ts: ts.isoformat()))
    return {"PORT": str(couchdb), "SHOP_USER": "", "SHOP_PASSWORD": ""}


KEPT = {"mongodb": in_mongodb, "dynamodb": in_dynamodb, "couchdb": in_couchdb}


def line_items(customer) -> list[str]:
    import ibis

    mapping = customer.tables["line_items"]
    con = ibis.duckdb.connect(threads=1)
    with sources.explain_errors(customer, mapping):
        kept = con.create_table("raw", sources.read(customer, mapping, con))
    rows = clean("line_items", drop_rows(kept, mapping).kept, mapping, customer.timezone)
    return sorted(str(tuple(row.values())) for row in con.to_pyarrow(rows).to_pylist())


@pytest.fixture(scope="module")
def expected(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    write(world, "csv", folder / "data")
    (folder / "corner.yaml").write_text(customer_file(RETAILER, "csv", "${DATA}"), encoding="utf-8")
    return line_items(load_customer(folder / "corner.yaml", {"DATA": str(folder / "data")}))


@pytest.mark.parametrize("kind", sorted(KEPT))
def test_a_document_per_bill_gives_the_lines_of_the_csv_export(kind, world, expected, request, tmp_path):
    environment = KEPT[kind](world, request.getfixturevalue(kind))
    file = tmp_path / "customers" / "corner.yaml"
    file.parent.mkdir()
    file.write_text(FILE.replace("{source}", SOURCES[kind]), encoding="utf-8")
    found = line_items(load_customer(file, {name: value or "-" for name, value in environment.items()}))
    assert len(found) == len(world.line_items)
    assert found == expected


def test_nothing_is_half_loaded_and_the_next_run_goes_on(world, mongodb, home, monkeypatch):
    for name, value in in_mongodb(world, mongodb).items():
        monkeypatch.setenv(name, value)
    home.customers_folder.mkdir(parents=True)
    (home.customers_folder / "corner.yaml").write_text(FILE.replace("{source}", SOURCES["mongodb"]), encoding="utf-8")
    loaded = load(home)
    assert loaded.status == "done"
    assert loaded.facts["rows"] == len(world.line_items)
    first = home.lake.version("corner", "raw/line_items")
    in_mongodb(world, mongodb)  # the same bills, in a collection made anew
    mongodb.commands.clear()
    mongodb.accident = lambda number, name, command: CUT if number > 6 else None
    with pytest.raises(SourceError, match=r"^source 'shop' of 'corner': .* documents are kept") as caught:
        load(home, force=True)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    assert home.lake.version("corner", "raw/line_items") == first
    mongodb.accident = lambda number, name, command: None
    mongodb.commands.clear()
    again = load(home, force=True)
    assert again.facts["rows"] == len(world.line_items)
    assert "$or" in mongodb.counted("find")[1]["filter"], "it goes on behind the last bill that came"
    gc.collect()
    assert list((home.path / "scratch" / "corner").iterdir()) == []
    everything = b"".join(path.read_bytes() for path in Path(home.path).rglob("*") if path.is_file())
    assert PASSWORD.encode() not in everything


def load(home, force=False):
    run = CustomerRun(home, "corner", force=force)
    try:
        return raw.load(run, "raw/line_items")
    finally:
        run.close()
