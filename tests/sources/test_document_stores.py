"""Document stores over a bad line and with bad documents: all rows or one line that says what to do, and no secret."""

import json
import re
import traceback
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import bson
import pytest

from capflow_resources import sources
from capflow_resources.sources import Since, SourceError, load_reader
from capflow_resources.sources.documents import scratch
from partitions.customer import Incremental
from tests.servers import between, dynamodb
from tests.servers import redis as redis_process
from tests.servers.mongodb import CUT, HANG, PASSWORD, USER
from tests.servers.process import free_port

COLUMNS = {"item_id": "sku", "unit_price": "price"}
SECRET = "pa/ss@w:rd%20"
QUICK = {"timeout_seconds": 0.5}


def rows_of(customer, con):
    table = customer.tables["line_items"]
    with sources.explain_errors(customer, table):
        return con.to_pyarrow(sources.read(customer, table, con)).to_pylist()


def refusal(customer, con):
    """Return the error, after checks: one line, and no secret in it or its traceback."""
    with pytest.raises(SourceError) as caught:
        rows_of(customer, con)
    text = str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    for secret in (SECRET, PASSWORD, dynamodb.SECRET, redis_process.PASSWORD):
        assert secret not in shown
    assert text.startswith("source 'sales' of 'acme': ")
    assert "\n" not in text
    return text.removeprefix("source 'sales' of 'acme': ")


def numbered(count):
    return [{"sku": f"s{number:05d}", "price": number / 4} for number in range(count)]


@pytest.fixture
def mongo(mongodb, acme):
    """Build acme on a collection with these documents."""

    def build_customer(documents, columns=COLUMNS, options=None, table=None, **more):
        mongodb.accident = lambda number, name, command: None
        mongodb.fill("shop", "orders", [{"_id": number, **document} for number, document in enumerate(documents)])
        mongodb.commands.clear()
        return acme(
            "mongodb", mongodb.uri("shop"), columns, options or {}, {"table": "orders", **(table or {})}, **more
        )

    return build_customer


@pytest.fixture
def dynamo(dynamodb, acme):
    from tests.servers import dynamodb as server

    def build_customer(port, columns=COLUMNS, options=None, table="orders", **more):
        keys = {"access_key_id": server.KEY_ID, "secret_access_key": server.SECRET}
        endpoint = {"endpoint": f"http://127.0.0.1:{port}"}
        return acme(
            "dynamodb", "dynamodb://eu-west-1", columns, keys | endpoint | (options or {}), {"table": table, **more}
        )

    return build_customer


def test_only_mapped_fields_are_asked_for_and_all_columns_are_told(mongo, mongodb, con):
    customer = mongo([{"sku": "a", "price": 1, "note": {"by": "x"}}])
    opened = sources.open_table(customer, customer.tables["line_items"], con)
    assert opened.columns == {"_id": "number", "sku": "text", "price": "number", "note.by": "text"}
    assert mongodb.counted("find")[-1]["projection"] == {"_id": 1, "sku": 1, "price": 1}


def test_types_are_decided_over_all_pages(mongo, con):
    documents = [{"sku": number, "price": number} for number in range(30)]
    customer = mongo([*documents, {"sku": "A17", "price": bson.Decimal128("0.10")}], options={"page_size": 4})
    rows = rows_of(customer, con)
    assert rows[-1] == {"item_id": "A17", "unit_price": 0.1}
    assert rows[3] == {"item_id": "3", "unit_price": 3.0}


def test_bson_s_own_types(mongo, con):
    oid, moment = bson.ObjectId(), datetime(2025, 7, 1, 12, tzinfo=UTC)
    document = {"sku": oid, "price": bson.Decimal128("9.99"), "at": moment, "raw": b"\x01", "many": bson.Int64(2**60)}
    columns = COLUMNS | {"ts": "at", "channel": "raw", "quantity": "many"}
    (row,) = rows_of(mongo([document], columns), con)
    assert row == {"item_id": str(oid), "unit_price": 9.99, "ts": moment, "channel": b"\x01", "quantity": 2**60}


def test_a_lost_connection_goes_on_after_the_last_page(mongo, mongodb, con):
    customer = mongo(numbered(100), options={"page_size": 10})
    mongodb.accident = lambda number, name, command: CUT if number % 5 == 4 else None
    assert sorted(row["item_id"] for row in rows_of(customer, con)) == [row["sku"] for row in numbered(100)]
    again = [command["filter"] for command in mongodb.counted("find") if command.get("filter")]
    assert again, "after a cut, the scan begins behind the last document"


def test_a_forgotten_cursor_goes_on_after_the_last_page_whatever_the_types_of_the_ids(mongo, mongodb, acme, con):
    ids = [
        None,
        1,
        2.5,
        bson.Decimal128("3.5"),
        "a",
        "b",
        {"x": 1},
        b"\x01",
        bson.ObjectId(),
        True,
        datetime(2025, 1, 1),
    ]
    customer = mongo([], options={"page_size": 1})
    mongodb.fill("shop", "orders", [{"_id": one, "sku": str(n), "price": 1} for n, one in enumerate(ids)])

    def forget(number, name, command):
        if name == "getMore":
            return {"ok": 0.0, "errmsg": "cursor id not found", "code": 43, "codeName": "CursorNotFound"}
        return None

    mongodb.accident = forget
    assert sorted(int(row["item_id"]) for row in rows_of(customer, con)) == list(range(len(ids)))


def broken_off(mongo, mongodb, con, **more):
    """Return a customer after a read that failed for good after 30 of 100 documents."""
    customer = mongo(numbered(100), options={"page_size": 10, **QUICK}, **more)
    mongodb.accident = lambda number, name, command: CUT if number > 5 else None  # listing, sample, three pages
    text = refusal(customer, con)
    assert "30 documents are kept, and a run within 12 hours continues after them." in text
    mongodb.accident = lambda number, name, command: None
    mongodb.commands.clear()
    return customer


def test_the_next_run_goes_on_where_the_last_one_broke_off(mongo, mongodb, con, tmp_path):
    customer = broken_off(mongo, mongodb, con)
    assert [row["item_id"] for row in rows_of(customer, con)] == [row["sku"] for row in numbered(100)]
    sample, scan = mongodb.counted("find")
    assert sample["limit"]
    assert scan["filter"]["$or"][0] == {"_id": {"$gt": 29}}
    assert rows_of(customer, con)[0]["item_id"] == "s00000"
    assert not mongodb.counted("find")[-1].get("filter"), "a finished read is never taken for a new one"


@pytest.mark.parametrize("why", ["too old", "another collection", "another mapping", "another user's wish"])
def test_a_run_begins_anew_where_going_on_would_be_wrong(mongo, mongodb, con, monkeypatch, why):
    customer = broken_off(mongo, mongodb, con)
    if why == "too old":
        monkeypatch.setattr(scratch, "KEPT_HOURS", 0)
    if why == "another collection":
        mongodb.fill("shop", "orders", [{"_id": number, **one} for number, one in enumerate(numbered(100))])
    table = customer.tables["line_items"]
    if why == "another mapping":
        table = replace(table, attributes=("_id",))
    if why == "another user's wish":
        table = replace(table, incremental=Incremental("price", lateness=0.0))
    customer = replace(customer, tables={"line_items": table})
    if why == "another user's wish":
        with sources.explain_errors(customer, table):
            sources.open_table(customer, table, con, Since("price", 20.0))
    else:
        assert len(rows_of(customer, con)) == 100
    scans = [command for command in mongodb.counted("find") if not command.get("limit")]
    assert "$gt" not in json.dumps(scans[0].get("filter", {}), default=str).replace("$gte", "")


def test_what_nobody_needs_any_more_is_removed(mongo, mongodb, con, tmp_path, monkeypatch):
    import gc

    import ibis

    customer = broken_off(mongo, mongodb, con)
    folder = tmp_path / "scratch" / "acme"
    assert folder.stat().st_mode & 0o077 == 0
    assert len(list(folder.iterdir())) == 1
    short = ibis.duckdb.connect(threads=1)
    assert len(rows_of(customer, short)) == 100
    (read,) = folder.iterdir()
    assert read.name.endswith(scratch.READ_SUFFIX)
    left = folder / f"killed{scratch.READ_SUFFIX}"  # what a killed process could not remove
    left.mkdir()
    del short
    gc.collect()
    assert list(folder.iterdir()) == [left]
    broken_off(mongo, mongodb, con)
    assert not left.exists()
    monkeypatch.setattr(scratch, "KEPT_HOURS", 0)
    assert len(rows_of(mongo([{"sku": "b", "price": 2}]), con)) == 1
    assert [one.suffix for one in folder.iterdir()] == [scratch.READ_SUFFIX]


def test_a_change_behind_the_watermark_is_all_that_is_asked_for(mongo, mongodb, con):
    documents = [*numbered(40), {"sku": "text", "price": "12"}]
    customer = mongo(documents)
    table = customer.tables["line_items"]
    opened = sources.open_table(customer, table, con, Since("sku", "s00038"))
    assert sorted(con.to_pyarrow(opened.rows)["sku"].to_pylist()) == ["s00038", "s00039", "text"]
    wanted = mongodb.counted("find")[-1]["filter"]
    assert wanted == {"$or": [{"sku": {"$gte": "s00038"}}, {"sku": {"$not": {"$type": "string"}}}]}
    assert con.to_pyarrow(sources.open_table(customer, table, con, Since("sku", "z")).rows).num_rows == 0


def test_names_that_differ_only_by_case_hold_dots_or_quotes(mongo, con):
    documents = [{"sku": "a", "SKU": "A", 'say "hi"': 1, "a.b": "dotted", "price": 1}]
    columns = COLUMNS | {"user_id": 'say "hi"', "store_id": "a.b"}
    assert rows_of(mongo(documents, columns), con) == [
        {"item_id": "a", "unit_price": 1, "user_id": 1, "store_id": "dotted"}
    ]
    said = refusal(mongo(documents, COLUMNS | {"user_id": "SKU"}), con)
    assert said.startswith("'sku' and 'SKU' differ only by capital letters. Map only one of them")


def test_a_document_of_16_mb(mongo, con):
    large = "x" * (16 * 1024 * 1024 - 200)
    rows = rows_of(mongo([{"sku": "a", "price": 1, "note": large}, {"sku": "b", "price": 2}]), con)
    assert [row["item_id"] for row in rows] == ["a", "b"]
    (first, _) = rows_of(mongo([{"sku": large, "price": 1}, {"sku": "b", "price": 2}]), con)
    assert len(first["item_id"]) == len(large)


def test_text_that_is_not_utf_8_is_named(mongo, mongodb, con):
    customer = mongo(numbered(3))
    broken = bson.encode({"_id": 9, "sku": "??", "price": 1}).replace(b"??", b"\xff\xfe")
    mongodb.databases["shop"]["orders"].insert(0, broken)
    assert refusal(customer, con) == "a document of 'orders' is not well-formed. Correct it: its text must be UTF-8."


@pytest.mark.parametrize(
    ("documents", "columns", "table", "said"),
    [
        ([], COLUMNS, {}, "table 'orders' holds no documents. Fill it, or correct tables.line_items in customers/"),
        (numbered(2), COLUMNS, {"table": "order"}, "there is no table 'order'; did you mean 'orders'?"),
        (numbered(2), {"item_id": "skU", "amount": "price"}, {}, "there is no column 'skU'; did you mean 'sku'?"),
        ([{"sku": "a", "items": [1]}], COLUMNS, {"explode": "itms"}, "in a list 'itms'; did you mean 'items'?"),
        (numbered(2), COLUMNS, {"table": 'or"d$ers'}, "there is no table 'or\"d$ers'"),
    ],
)
def test_what_is_not_there_is_named(mongo, con, documents, columns, table, said):
    assert said in refusal(mongo(documents, columns, table=table), con)


def test_wrong_options_and_addresses_are_named(acme, con):
    for kind, uri, said in (
        ("mongodb", "mongodb://host", "its uri is no address of a MongoDB database"),
        ("mongodb", f"mongodb://u:{SECRET}@h:x/db", "its uri is no address of a MongoDB database"),
        ("dynamodb", "dynamodb://nowhere", "its uri names no AWS region"),
        ("redis", "http://host", "its uri is no address of a Redis server"),
        ("couchdb", f"ftp://u:{SECRET}@host", "its uri is no http or https address"),
    ):
        assert refusal(acme(kind, uri, COLUMNS, table={"table": "orders"}), con).startswith(said)
    options = {"timeout_seconds": "soon"}
    customer = acme("mongodb", "mongodb://h/d", COLUMNS, options, {"table": "orders"})
    assert refusal(customer, con).startswith("timeout_seconds must be a number above 0. Correct sources.sales.options")


def address(kind, port, host="127.0.0.1", login=""):
    schemes = {"mongodb": "mongodb://{}/shop", "redis": "redis://{}/0", "couchdb": "http://{}"}
    return schemes[kind].format(f"{login}{host}:{port}")


def cut_off(kind, acme, port, host="127.0.0.1"):
    options = dict(QUICK)
    if kind == "dynamodb":
        options |= {"endpoint": f"http://{host}:{port}", "access_key_id": "AKID", "secret_access_key": SECRET}
        uri = "dynamodb://eu-west-1"
    else:
        uri = address(kind, port, host, f"{SECRET}:{SECRET}@")
    customer = acme(kind, uri, COLUMNS, options, {"table": "orders"})
    return replace(customer, secrets={SECRET: "${SHOP_SECRET}"})


KINDS_OF_STORES = ["couchdb", "dynamodb", "mongodb", "redis"]


@pytest.mark.parametrize("kind", KINDS_OF_STORES)
def test_a_host_that_refuses_that_is_unknown_or_that_never_answers(kind, acme, con):
    refused = refusal(cut_off(kind, acme, free_port()), con)
    assert any(word in refused for word in ("refuses the connection", "cannot be reached"))
    unknown = refusal(cut_off(kind, acme, 1, "no-such-host.invalid"), con)
    assert "no-such-host.invalid" in unknown
    with between.silent() as port:
        silent = refusal(cut_off(kind, acme, port), con)
        assert "does not answer" in silent
        for customer in (cut_off(kind, acme, port),):
            with pytest.raises(SourceError, match="does not answer"):
                load_reader(customer, customer.sources["sales"]).tables(customer, customer.sources["sales"])
    for said in (refused, unknown, silent):
        assert "sources.sales" in said
        assert "customers/acme.yaml" in said


def test_mongodb_s_password_is_proven_and_a_wrong_one_refused(mongodb, acme, con):
    mongodb.accident = lambda number, name, command: None
    mongodb.fill("shop", "orders", [{"_id": 1, "sku": "a", "price": 1}])
    for password, right in ((PASSWORD, True), (SECRET, False)):
        uri = f"mongodb://{USER}:{password}@127.0.0.1:{mongodb.port}/shop?authSource=admin"
        customer = acme("mongodb", uri, COLUMNS, QUICK, {"table": "orders"})
        customer = replace(customer, secrets={password: "${SHOP_PASSWORD}"})
        if right:
            assert len(rows_of(customer, con)) == 1
        else:
            assert refusal(customer, con).startswith("MongoDB refuses its user name or password. Correct sources.sales")


@pytest.mark.parametrize(("change", "said"), [("vanishes", "vanished"), ("is replaced", "was replaced")])
def test_a_collection_that_changes_under_the_read_is_never_half_read(mongo, mongodb, con, change, said):
    customer = mongo(numbered(100), options={"page_size": 10})

    def accident(number, name, command):
        if number == 5:
            del mongodb.databases["shop"]["orders"]
            if change == "is replaced":
                mongodb.fill("shop", "orders", [{"_id": number} for number in range(200, 300)])
        return

    mongodb.accident = accident
    assert f"table 'orders' {said} while it was read" in refusal(customer, con)
    mongodb.accident = lambda number, name, command: None


def test_a_host_that_falls_silent_in_mid_scan(mongo, mongodb, con):
    customer = mongo(numbered(100), options={"page_size": 10, **QUICK})
    mongodb.accident = lambda number, name, command: HANG if number > 4 else None
    assert "does not answer" in refusal(customer, con)
    mongodb.accident = lambda number, name, command: None


def test_a_bill_per_document_gives_a_row_per_line(mongo, con):
    bills = [
        {"bill": 1, "user": {"id": "u1"}, "lines": [{"sku": "a", "price": 1}, {"sku": "b", "price": 2.5}]},
        {"bill": 2, "lines": [{"sku": "a", "price": 1}]},
        {"bill": 3, "lines": []},
    ]
    columns = {"bill_id": "bill", "user_id": "user.id", "item_id": "lines.sku", "unit_price": "lines.price"}
    assert [tuple(row.values()) for row in rows_of(mongo(bills, columns, table={"explode": "lines"}), con)] == [
        (1, "u1", "a", 1.0),
        (1, "u1", "b", 2.5),
        (2, None, "a", 1.0),
    ]


class TestDynamoDB:
    def items(self, count):
        note = "n" * 30_000  # so that a page of 1 MB holds about thirty
        return [{"sku": f"s{n:04d}", "price": Decimal(n) / 4, "note": note} for n in range(count)]

    @pytest.fixture(scope="class")
    def way(self, dynamodb):
        from tests.servers import dynamodb as server

        server.fill(dynamodb, "orders", self.items(100))
        with between.http_way(dynamodb) as way:
            yield way

    @pytest.fixture(autouse=True)
    def open_way(self, way):
        way.accident = lambda number, path, body: None
        way.requests.clear()

    def scans(self, way):
        return [json.loads(body) for _, body in way.requests if b"TotalSegments" in body]

    def test_segments_and_pages_give_every_item_once_and_only_what_is_mapped(self, dynamo, way, con):
        found = rows_of(dynamo(way.port, options={"segments": 3, "consistent": True}), con)
        assert sorted(row["item_id"] for row in found) == [item["sku"] for item in self.items(100)]
        asked = self.scans(way)
        assert {one["Segment"] for one in asked} == {0, 1, 2}
        assert len(asked) > 3
        assert all(one["ConsistentRead"] for one in asked)
        assert asked[0]["ExpressionAttributeNames"] == {"#f0": "sku", "#f1": "price"}

    def test_throttling_and_lost_connections_are_waited_for(self, dynamo, way, con):
        busy = (400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}')
        trouble = (500, b'{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}')
        accidents = {3: busy, 4: between.CUT, 6: trouble}
        way.accident = lambda number, path, body: accidents.get(number)
        assert len(rows_of(dynamo(way.port, options={"segments": 1}), con)) == 100

    def test_the_next_run_goes_on_where_the_last_one_broke_off(self, dynamo, way, con):
        busy = (400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}')
        way.accident = lambda number, path, body: busy if number > 3 else None  # table, sample, one page
        customer = dynamo(way.port, options={"segments": 1, **QUICK})
        said = refusal(customer, con)
        assert "takes no more requests for table 'orders' (ThrottlingException)" in said
        assert "documents are kept" in said
        way.accident = lambda number, path, body: None
        way.requests.clear()
        found = rows_of(customer, con)
        assert sorted(row["item_id"] for row in found) == [item["sku"] for item in self.items(100)]
        assert self.scans(way)[0]["ExclusiveStartKey"]

    @pytest.mark.parametrize("code", ["UnrecognizedClientException", "AccessDeniedException", "ExpiredTokenException"])
    def test_refused_keys_are_named(self, dynamo, way, con, code):
        refused = f'{{"__type":"com.amazon.coral.service#{code}","message":"{SECRET}"}}'.encode()
        way.accident = lambda number, path, body: (400, refused)
        assert f"refuses the AWS keys ({code}). Correct access_key_id" in refusal(dynamo(way.port), con)

    def test_an_unknown_a_vanishing_and_an_empty_table(self, dynamo, dynamodb, way, con):
        from tests.servers import dynamodb as server

        said = refusal(dynamo(way.port, table="order"), con)
        assert "there is no table 'order'; did you mean 'orders'? Correct tables.line_items.table" in said
        server.fill(dynamodb, "nothing", [])
        assert "table 'nothing' holds no documents" in refusal(dynamo(way.port, table="nothing"), con)
        gone = (400, b'{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"}')
        way.accident = lambda number, path, body: gone if number > 3 else None
        assert "table 'orders' vanished while it was read" in refusal(dynamo(way.port), con)

    def test_a_watermark_is_a_filter_that_never_drops_what_it_cannot_compare(self, dynamo, dynamodb, way, con):
        from tests.servers import dynamodb as server

        server.fill(dynamodb, "mixed", [{"sku": n, "price": 1} for n in range(9)] + [{"sku": "x", "price": 1}])
        customer = dynamo(way.port, table="mixed")
        opened = sources.open_table(customer, replace(customer.tables["line_items"]), con, Since("sku", "7"))
        assert sorted(con.to_pyarrow(opened.rows)["sku"].to_pylist()) == ["7", "8", "x"]
        assert "FilterExpression" in self.scans(way)[-1]

    def test_tables(self, dynamo, way):
        customer = dynamo(way.port)
        assert "orders" in load_reader(customer, customer.sources["sales"]).tables(customer, customer.sources["sales"])


class TestRedis:
    @pytest.fixture
    def client(self, redis_server):
        import redis

        with redis.Redis(port=redis_server, password=redis_process.PASSWORD) as client:
            client.flushall()
            yield client

    @pytest.fixture
    def hashes(self, client, acme, redis_server):
        def build_customer(
            port=redis_server, columns=COLUMNS, options=None, pattern="user:*", password=redis_process.PASSWORD
        ):
            uri = f"redis://:{password}@127.0.0.1:{port}/0"
            customer = acme("redis", uri, columns, options or {}, {"table": pattern})
            return replace(customer, secrets={password: "${REDIS_PASSWORD}"})

        return build_customer

    def fill(self, client, count=300):
        for number, row in enumerate(numbered(count)):
            client.hset(f"user:{number}", mapping=row)

    def test_only_hashes_that_fit_the_pattern_are_read(self, client, hashes, con):
        self.fill(client, 3)
        client.set("user:text", "no hash")
        client.hset("other:1", "sku", "z")
        rows = rows_of(hashes(columns=COLUMNS | {"user_id": "_key"}), con)
        assert sorted(row["user_id"] for row in rows) == ["user:0", "user:1", "user:2"]
        assert {row["unit_price"] for row in rows} == {"0.0", "0.25", "0.5"}
        customer = hashes()
        assert load_reader(customer, customer.sources["sales"]).tables(customer, customer.sources["sales"]) == [
            "other:*",
            "user:*",
        ]

    def test_a_lost_connection_goes_on_and_gives_each_hash_once(self, client, hashes, redis_server, con):
        self.fill(client)
        with between.cut_after(9000, redis_server) as port:
            rows = rows_of(hashes(port, options={"page_size": 10}), con)
        assert sorted(row["item_id"] for row in rows) == [row["sku"] for row in numbered(300)]

    def test_another_server_in_mid_scan_is_never_half_read(self, client, hashes, redis_server, con):
        self.fill(client)
        with (
            redis_process.server(redis_process.program()) as other,
            between.cut_after(9000, redis_server, other) as port,
        ):
            said = refusal(hashes(port, options={"page_size": 10}), con)
        assert "was replaced while it was read" in said

    def test_bad_keys_and_fields_are_named(self, client, hashes, con):
        assert "table 'user:*' holds no documents" in refusal(hashes(), con)
        client.hset("user:1", mapping={"sku": b"\xff", "price": 1})
        assert refusal(hashes(), con).startswith("'sku' of user:1 is not UTF-8 text. Correct it")
        assert refusal(hashes(columns={"item_id": "skuu"}), con).startswith("there is no column 'skuu'; did you mean")
        assert "refuses its user name or password" in refusal(hashes(password=SECRET), con)


class TestCouchDB:
    @pytest.fixture(scope="class")
    def way(self, couchdb):
        from tests.servers import couchdb as server

        server.fill(couchdb, "orders", [*numbered(60), {"_id": "_design/x", "views": {}}])
        with between.http_way(couchdb) as way:
            yield way

    @pytest.fixture
    def orders(self, way, acme):
        way.accident = lambda number, path, body: None
        way.requests.clear()

        def build_customer(columns=COLUMNS, options=None, table="orders", login=""):
            uri = address("couchdb", way.port, login=login)
            customer = acme("couchdb", uri, columns, {"page_size": 9} | (options or {}), {"table": table})
            return replace(customer, secrets={SECRET: "${COUCH}"})

        return build_customer

    def test_all_documents_but_the_design_ones_and_only_mapped_fields(self, orders, way, con):
        assert [row["item_id"] for row in rows_of(orders(), con)] == [row["sku"] for row in numbered(60)]
        asked = json.loads(way.requests[2][1])
        assert asked["fields"] == ["_id", "sku", "price"]

    def test_lost_connections_in_this_run_and_the_next(self, orders, way, con):
        way.accident = lambda number, path, body: (
            between.CUT if number in (4, 6) else (503, b"{}") if number == 7 else None
        )
        assert len(rows_of(orders(), con)) == 60
        way.requests.clear()
        way.accident = lambda number, path, body: between.CUT if number > 4 else None
        kept = int(re.search(r"(\d+) documents are kept", refusal(orders(options=QUICK), con))[1])
        assert kept in (17, 18)  # two pages of nine, with the design document among them or not
        way.accident = lambda number, path, body: None
        way.requests.clear()
        assert [row["item_id"] for row in rows_of(orders(options=QUICK), con)] == [row["sku"] for row in numbered(60)]
        assert json.loads(way.requests[2][1])["selector"] == {"_id": {"$gt": f"{kept - 1:06d}"}}

    def test_state_changes_with_a_document(self, orders, couchdb):
        from tests.servers import couchdb as server

        customer = orders()
        mark = sources.fingerprint(customer, customer.tables["line_items"])
        assert mark == sources.fingerprint(customer, customer.tables["line_items"])
        server.fill(couchdb, "other", [])
        assert mark == sources.fingerprint(customer, customer.tables["line_items"])
        server.ask(couchdb, "PUT", "orders/zzz", {"sku": "s99999", "price": 1})
        assert mark != sources.fingerprint(customer, customer.tables["line_items"])
        found = server.ask(couchdb, "GET", "orders/zzz")
        server.ask(couchdb, "DELETE", f"orders/zzz?rev={found['_rev']}")

    def test_refusals(self, orders, way, con):
        assert "there is no table 'order'; did you mean 'orders'?" in refusal(orders(table="order"), con)
        assert "refuses its user name or password" in refusal(orders(login=f"{SECRET}:{SECRET}@"), con)
        way.requests.clear()
        way.accident = lambda number, path, body: (404, b"{}") if number > 4 else None
        assert "vanished while it was read" in refusal(orders(), con)
        way.accident = lambda number, path, body: (200, b"<html>") if number > 1 else None
        way.requests.clear()
        assert "answered with status" in refusal(orders(), con)

    def test_a_watermark(self, orders, con):
        customer = orders()
        opened = sources.open_table(customer, customer.tables["line_items"], con, Since("price", 14.5))
        assert sorted(con.to_pyarrow(opened.rows)["price"].to_pylist()) == [14.5, 14.75]
