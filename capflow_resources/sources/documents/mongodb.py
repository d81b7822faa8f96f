"""MongoDB: a collection, read in the order of its _id.

`uri: mongodb://host/database` (or mongodb+srv), and `table:` names the collection. Types are those of BSON
(https://bsonspec.org): Decimal128 is exact, dates are instants in UTC, an ObjectId is its 24 hex digits.
"""

from __future__ import annotations

import base64
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from capflow_resources.sources.documents.flatten import Document, DocumentError, Shape
from capflow_resources.sources.documents.login import quote_login
from capflow_resources.sources.documents.paging import (
    Page,
    ask_store,
    document_shape,
    positive_number,
    read_documents,
    timeout,
)
from capflow_resources.sources.errors import file_name, source_error
from capflow_resources.sources.reader import Since, SourceTable
from partitions.customer import Customer, Source, TableMapping

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

PAGE_SIZE = 2000
SAMPLE = 25
NOT_ALLOWED, REFUSED = {13}, {18, 8000}  # Unauthorized; AuthenticationFailed, and Atlas's own code for it
GONE = {26, 175}  # NamespaceNotFound, QueryPlanKilled: the collection was dropped
# BSON's order of types, in which _id is sorted: https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order
ORDER = (
    "minKey",
    "null",
    "number",
    "string",
    "object",
    "array",
    "binData",
    "objectId",
    "bool",
    "date",
    "timestamp",
    "regex",
    "maxKey",
)


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return the mapped columns of all documents; resumes after the last document on a lost connection.

    Options: `page_size` (documents per request, 2,000), `timeout_seconds` (30).
    """
    return read_documents(customer, source, mapping, con, since, _Collection(customer, source, mapping, since))


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
    """Return None: MongoDB does not tell whether a collection has changed."""
    return None


def tables(customer: Customer, source: Source) -> list[str]:
    """List the collections and views of the database."""
    store = _Collection(customer, source, None, None)
    with closing(store):
        return ask_store(customer, source, store, store.tables)


def fault(source: Source, error: Exception) -> str | None:
    """Return None: MongoDB's errors are raised on opening."""
    return None


class _Collection:
    segments, lasting, key = 1, True, ""

    def __init__(self, customer: Customer, source: Source, mapping: TableMapping | None, since: Since | None) -> None:
        self.customer, self.source = customer, source
        self.name = str(mapping.options.get("table", "")) if mapping else ""
        self.page_size = int(positive_number(customer, source, "page_size", PAGE_SIZE))
        self.database = _connect(customer, source)
        self.shape = document_shape(customer, source, mapping) if mapping else Shape(())
        self.filter = _since_filter(since, self.shape)
        self.has_dotted_names = False
        self._cursor: Any = None
        self._position: Any = None

    def identity(self) -> str | None:
        """Return the collection's UUID: one recreated under the same name has another. A view has none."""
        from pymongo.errors import OperationFailure

        try:
            found = list(self.database.list_collections(filter={"name": self.name}))
        except OperationFailure as error:
            if error.code in NOT_ALLOWED:  # the user may still read the collection
                return "not told"
            raise
        return str(found[0].get("info", {}).get("uuid", "view")) if found else None

    def tables(self) -> list[str]:
        """List the collections of the database that the user may read."""
        names = self.database.list_collection_names(authorizedCollections=True)
        return sorted(name for name in names if not name.startswith("system."))

    def sample(self) -> list[Document]:
        """Return the newest documents, with all of their fields."""
        found = list(self.database[self.name].find(batch_size=SAMPLE, limit=SAMPLE).sort("_id", -1))
        self.has_dotted_names = any("." in name for document in found for name in document)
        return found

    def page(self, segment: int, position: Any) -> Page:
        """Return the server's next batch; the position is the _id of its last document."""
        from bson import decode_all, encode

        codec = self.database.codec_options
        try:
            if self._cursor is None or position != self._position:
                self._cursor = self._open_cursor(position)
            raw = next(self._cursor, b"")
            more = self._cursor.alive
        except BaseException:
            self._cursor = None
            raise
        documents = decode_all(raw, codec)
        if not documents:
            return Page([], position if more else None)
        if "_id" not in documents[-1]:
            raise DocumentError(f"documents of '{self.name}' have no _id, in whose order they are read")
        self._position = base64.b64encode(encode({"_id": documents[-1]["_id"]}, codec_options=codec)).decode()
        return Page(documents, self._position if more else None)

    def is_passing(self, error: Exception) -> bool:
        """Return whether the connection or the server's cursor was lost, or the primary steps down."""
        from pymongo.errors import AutoReconnect, CursorNotFound, PyMongoError, ServerSelectionTimeoutError

        if isinstance(error, ServerSelectionTimeoutError):
            return False  # pymongo has tried for the whole of timeout_seconds
        if isinstance(error, (AutoReconnect, CursorNotFound)):
            return True
        return isinstance(error, PyMongoError) and error.has_error_label("RetryableError")

    def explain(self, error: Exception) -> tuple[str, str] | None:
        """Explain an error of MongoDB or of the connection to it."""
        from bson.errors import InvalidBSON
        from pymongo import errors

        uri = f"sources.{self.source.name}.uri of {file_name(self.customer)}"
        if isinstance(error, InvalidBSON):
            return f"a document of '{self.name}' is not well-formed", "Correct it: its text must be UTF-8."
        if isinstance(error, errors.OperationFailure):
            return self._refusal(error, uri)
        if isinstance(error, errors.ConnectionFailure):
            return _unreachable(error, self.source.uri), f"Check {uri}, or raise options.timeout_seconds."
        if isinstance(error, errors.PyMongoError):
            return f"MongoDB cannot be queried ({type(error).__name__})", f"Check {uri}."
        return None

    def close(self) -> None:
        """Close the connections."""
        self.database.client.close()

    def _refusal(self, error: Any, uri: str) -> tuple[str, str]:
        if error.code in REFUSED:
            return "MongoDB refuses its user name or password", f"Correct {uri}."
        if error.code in NOT_ALLOWED:
            return f"its user may not read '{self.name}'", f"Give it the role read, or name another user in {uri}."
        if error.code in GONE:
            return f"table '{self.name}' vanished while it was read", "Run again when it is there."
        return f"MongoDB complains (code {error.code})", f"Check {uri}."

    def _open_cursor(self, position: Any) -> Any:
        # _id is always included; a field with a dot in its name cannot be projected.
        names = ("_id", *self.shape.fields)
        fields = {name: 1 for name in names if not any(name.startswith(f"{other}.") for other in names)}
        is_whole = self.has_dotted_names or any(not name or name.startswith("$") for name in fields)
        wanted = self.filter
        if position is not None:
            after = _after_filter(position, self.database.codec_options)
            wanted = {"$and": [wanted, after]} if wanted else after
        found = self.database[self.name].find_raw_batches(
            wanted, projection=None if is_whole else fields, batch_size=self.page_size
        )
        return found.sort("_id", 1)


def _connect(customer: Customer, source: Source) -> Any:
    try:
        from bson.codec_options import DatetimeConversion, TypeRegistry
        from pymongo import MongoClient
        from pymongo.errors import PyMongoError
    except ImportError:
        remedy = "Install it: pip install 'capflow[mongodb]'."
        raise source_error(customer, source, "reading MongoDB needs pymongo, which is not installed", remedy) from None

    milliseconds = int(timeout(customer, source) * 1000)
    remedy = f"Write sources.{source.name}.uri of {file_name(customer)} like mongodb://host/database."
    try:
        client: Any = MongoClient(
            quote_login(customer, source.uri),
            appname="capflow",
            tz_aware=True,
            type_registry=TypeRegistry([_decimal_codec()]),
            uuidRepresentation="standard",
            datetime_conversion=DatetimeConversion.DATETIME_AUTO,  # otherwise a year after 9999 would stop the read
            serverSelectionTimeoutMS=milliseconds,
            connectTimeoutMS=milliseconds,
            socketTimeoutMS=milliseconds,
        )
        database = client.get_default_database()
    except (PyMongoError, ValueError, TypeError) as error:  # its text may hold the password
        what = f"its uri is no address of a MongoDB database ({type(error).__name__})"
        raise source_error(customer, source, what, remedy) from None
    return database


def _decimal_codec() -> Any:
    """Return a codec of Decimal128 as Python's Decimal, which the flattening knows without BSON."""
    from bson.codec_options import TypeCodec
    from bson.decimal128 import Decimal128

    class ExactDecimals(TypeCodec):
        python_type = Decimal
        bson_type = Decimal128

        def transform_python(self, value: Any) -> Any:
            return Decimal128(value)

        def transform_bson(self, value: Any) -> Any:
            return value.to_decimal()

    return ExactDecimals()


def _since_filter(since: Since | None, shape: Shape) -> dict[str, Any]:
    if since is None or (shape.explode and f"{since.column}.".startswith(f"{shape.explode}.")):
        return {}
    kind = "string" if isinstance(since.value, str) else "number" if isinstance(since.value, (int, float)) else "date"
    # Values of another type are kept: a field may be text in one document and a date in another.
    return {"$or": [{since.column: {"$gte": since.value}}, {since.column: {"$not": {"$type": kind}}}]}


def _after_filter(position: str, codec: Any) -> dict[str, Any]:
    """Return a filter for every document after `position` in _id order: $gt alone compares within one type."""
    from bson import decode

    last = decode(base64.b64decode(position), codec)["_id"]
    later = list(ORDER[ORDER.index(_bson_type(last)) + 1 :])
    return {"$or": [{"_id": {"$gt": last}}, {"_id": {"$type": later}}]}


def _bson_type(value: Any) -> str:
    from bson import DatetimeMS, MinKey, ObjectId, Timestamp

    kinds: list[tuple[Any, str]] = [
        (type(None), "null"),
        (bool, "bool"),
        ((int, float, Decimal), "number"),
        (str, "string"),
        (dict, "object"),
        ((bytes, UUID), "binData"),
        (ObjectId, "objectId"),
        ((datetime, DatetimeMS), "date"),
        (Timestamp, "timestamp"),
        (MinKey, "minKey"),
    ]
    return next((name for kind, name in kinds if isinstance(value, kind)), "maxKey")


def _unreachable(error: Exception, uri: str) -> str:
    from pymongo.errors import NetworkTimeout, ServerSelectionTimeoutError
    from pymongo.uri_parser import parse_uri

    text = str(error)
    try:
        hosts = ", ".join(f"{host}:{port}" for host, port in parse_uri(uri)["nodelist"])
    except Exception:  # mongodb+srv without DNS
        hosts = uri.rpartition("@")[2].partition("/")[0]
    if "refused" in text:
        return f"MongoDB at {hosts} refuses the connection"
    if "Name or service" in text or "getaddrinfo" in text or "nodename" in text or "name resolution" in text:
        return f"there is no host {hosts}"
    if isinstance(error, (NetworkTimeout, ServerSelectionTimeoutError)):  # every text of pymongo's names its timeouts
        return f"MongoDB at {hosts} does not answer"
    return f"the connection to MongoDB at {hosts} broke"
