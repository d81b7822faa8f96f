"""CouchDB: a database, read in the order of its documents' _id.

`uri: https://host:6984` (or http), and `table:` names the database. Read through `_find`
(https://docs.couchdb.org/en/stable/api/database/find.html), so that only the mapped fields are sent.
"""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from decimal import Decimal
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from capflow_resources.sources.documents.flatten import Document, Shape
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

PAGE_SIZE = 1000
SAMPLE = 25
BUSY = {408, 429, 500, 502, 503, 504}


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return the mapped columns of all documents except design documents.

    A lost connection resumes after the last page. Options: `page_size` (documents per request, 1,000),
    `timeout_seconds` (30). Numbers are exact.
    """
    return read_documents(customer, source, mapping, con, since, _Database(customer, source, mapping, since))


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str]:
    """Return the database's update sequence, which every change raises."""
    store = _Database(customer, source, mapping, None)
    facts = ask_store(customer, source, store, store.facts)
    return [str(facts.get(name)) for name in ("instance_start_time", "update_seq", "purge_seq")] if facts else []


def tables(customer: Customer, source: Source) -> list[str]:
    """List the databases of the server."""
    store = _Database(customer, source, None, None)
    return ask_store(customer, source, store, store.tables)


def fault(source: Source, error: Exception) -> str | None:
    """Return None: CouchDB's errors are raised on opening."""
    return None


class _ResponseError(Exception):
    """CouchDB answered with another status than success, or with no JSON."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


class _ConnectionLostError(Exception):
    """CouchDB cannot be reached, or stopped answering."""


class _Database:
    segments, lasting, key = 1, True, ""

    def __init__(self, customer: Customer, source: Source, mapping: TableMapping | None, since: Since | None) -> None:
        self.customer, self.source = customer, source
        self.name = str(mapping.options.get("table", "")) if mapping else ""
        self.seconds = timeout(customer, source)
        self.page_size = int(positive_number(customer, source, "page_size", PAGE_SIZE))
        self.shape = document_shape(customer, source, mapping) if mapping else Shape(())
        self.since = _since_selector(since, self.shape)
        self.address, self.headers = _parse_address(customer, source)

    def facts(self) -> dict[str, Any] | None:
        """Return CouchDB's facts about the database; None if there is no such database."""
        try:
            return dict(self._ask(self._place))
        except _ResponseError as error:
            if error.status == 404:
                return None
            raise

    def identity(self) -> str | None:
        """Return when the database was created, which CouchDB tells from version 3.3."""
        facts = self.facts()
        return None if facts is None else str(facts.get("instance_start_time", "0"))

    def tables(self) -> list[str]:
        """List the databases other than CouchDB's own."""
        return [name for name in self._ask("_all_dbs") if not name.startswith("_")]

    def sample(self) -> list[Document]:
        """Return the first documents, with all of their fields."""
        found = self._ask(f"{self._place}/_find", {"selector": {"_id": {"$gt": None}}, "limit": SAMPLE})
        return list(found["docs"])

    def page(self, segment: int, position: Any) -> Page:
        """Return the next documents; the position is the _id of the last one."""
        selector = {"_id": {"$gt": position}}
        query = {
            "selector": {"$and": [selector, self.since]} if self.since else selector,
            "fields": ["_id", *(name.replace(".", "\\.") for name in self.shape.fields if name != "_id")],
            "limit": self.page_size,
            "sort": [{"_id": "asc"}],
        }
        found = self._ask(f"{self._place}/_find", query)["docs"]
        documents = [document for document in found if not document["_id"].startswith("_design/")]
        return Page(documents, found[-1]["_id"] if found else None)

    def is_passing(self, error: Exception) -> bool:
        """Return whether the connection was lost or the server is in trouble."""
        return isinstance(error, _ConnectionLostError) or (isinstance(error, _ResponseError) and error.status in BUSY)

    def explain(self, error: Exception) -> tuple[str, str] | None:
        """Explain an error of CouchDB or of the connection to it."""
        uri = f"sources.{self.source.name}.uri of {file_name(self.customer)}"
        place = f"CouchDB at {urlsplit(self.address).netloc}"
        if isinstance(error, _ConnectionLostError):
            return f"{place} {error}", f"Check {uri}, or raise options.timeout_seconds."
        if not isinstance(error, _ResponseError):
            return None
        if error.status in (401, 403):
            return f"{place} refuses its user name or password", f"Correct {uri}."
        if error.status == 404:
            return f"table '{self.name}' vanished while it was read", "Run again when it is there."
        return f"{place} answered with status {error.status}", f"Check {uri}."

    def close(self) -> None:
        """Do nothing: each request has a connection of its own."""

    @property
    def _place(self) -> str:
        return quote(self.name, safe="")

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body, default=str).encode()
        request = urllib.request.Request(f"{self.address}/{path}", data=data, headers=self.headers)
        try:
            with urllib.request.urlopen(request, timeout=self.seconds) as answer:
                return json.loads(answer.read(), parse_float=Decimal)
        except urllib.error.HTTPError as error:
            raise _ResponseError(error.code) from None
        except TimeoutError:
            raise _ConnectionLostError("does not answer") from None
        except (urllib.error.URLError, OSError, HTTPException) as error:
            raise _ConnectionLostError(_reason(error)) from None
        except ValueError:  # the answer is not JSON
            raise _ResponseError(200) from None


def _parse_address(customer: Customer, source: Source) -> tuple[str, dict[str, str]]:
    """Return the server's address without the login, and the headers that carry the login."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    try:
        parts = urlsplit(quote_login(customer, source.uri))
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in ("http", "https"):
        remedy = f"Write sources.{source.name}.uri of {file_name(customer)} like https://host:6984."
        raise source_error(customer, source, "its uri is no http or https address", remedy)
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    named = f"[{host}]" if ":" in host else host
    place = f"{named}:{port}" if port else named
    return f"{parts.scheme}://{place}{parts.path.rstrip('/')}", headers


def _since_selector(since: Since | None, shape: Shape) -> dict[str, Any]:
    if since is None or not isinstance(since.value, (int, float, str)):
        return {}  # JSON has no times: the caller filters
    if shape.explode and f"{since.column}.".startswith(f"{shape.explode}."):
        return {}
    kind = "string" if isinstance(since.value, str) else "number"
    # Values of another type are kept: a field may be text in one document and a number in another.
    return {"$or": [{since.column: {"$gte": since.value}}, {"$not": {since.column: {"$type": kind}}}]}


def _reason(error: Exception) -> str:
    text = str(error)
    if "timed out" in text:
        return "does not answer"
    if "refused" in text:
        return "refuses the connection"
    return "has no such host" if "Name or service" in text or "name resolution" in text else "broke the connection"
