"""Redis: hashes, one row for each key that matches a pattern.

`uri: redis://host:6379/0` (rediss:// with TLS), and `table:` is the pattern of the keys, like "user:*". The key is the
column _key. Redis stores text, so every column is text, as in a CSV file.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from capflow_resources.sources.documents.flatten import Document, DocumentError
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

KEY = "_key"
PAGE_SIZE = 1000
SAMPLE, SAMPLE_PAGES = 25, 20
LISTED_PAGES = 20


def open(
    customer: Customer, source: Source, mapping: TableMapping, con: Backend, since: Since | None = None
) -> SourceTable:
    """Return the mapped fields of every hash, and its key as _key; each hash once.

    Options: `page_size` (keys looked at in one request, 1,000), `timeout_seconds` (30). A lost connection resumes from
    the last page, but a new run starts over: a cursor of Redis's SCAN is valid only while the server runs.
    """
    return read_documents(customer, source, mapping, con, since, _Hashes(customer, source, mapping))


def state(customer: Customer, source: Source, mapping: TableMapping) -> list[str] | None:
    """Return None: Redis does not tell whether its keys have changed."""
    return None


def tables(customer: Customer, source: Source) -> list[str]:
    """List patterns that match the hashes among the first keys: "user:*" for user:17."""
    store = _Hashes(customer, source, None)
    with closing(store):
        return ask_store(customer, source, store, store.tables)


def fault(source: Source, error: Exception) -> str | None:
    """Return None: Redis's errors are raised on opening."""
    return None


class _Hashes:
    # A SCAN cursor is lost with the server, and may return a hash twice: https://redis.io/docs/latest/commands/scan
    segments, lasting, key = 1, False, KEY

    def __init__(self, customer: Customer, source: Source, mapping: TableMapping | None) -> None:
        self.customer, self.source = customer, source
        self.pattern = str(mapping.options.get("table", "")) if mapping else "*"
        self.page_size = int(positive_number(customer, source, "page_size", PAGE_SIZE))
        self.client = _connect(customer, source)
        self.fields = (
            [name for name in document_shape(customer, source, mapping).fields if name != KEY] if mapping else []
        )

    def identity(self) -> str:
        """Return the server's run id: after a restart, a SCAN cursor is invalid."""
        facts = self.client.info("server")
        if facts.get("redis_mode") == "cluster":
            what = "it is a Redis cluster, of which one node holds only a part of the keys"
            raise source_error(self.customer, self.source, what, "Export the hashes to files, and name those.")
        return str(facts["run_id"])

    def tables(self) -> list[str]:
        """List patterns for the first keys, by the part before the first colon."""
        cursor, names = 0, set()
        for _ in range(LISTED_PAGES):
            cursor, keys = self._scan(cursor)
            names |= {_decode(key, "a key") for key in keys}
            if not cursor:
                break
        return sorted({f"{name.partition(':')[0]}:*" if ":" in name else name for name in names})

    def sample(self) -> list[Document]:
        """Return the first hashes found, with all of their fields."""
        cursor, keys = 0, list[bytes]()
        for _ in range(SAMPLE_PAGES):
            cursor, more = self._scan(cursor)
            keys += more
            if not cursor or len(keys) >= SAMPLE:
                break
        with self.client.pipeline(transaction=False) as pipe:
            for key in keys[:SAMPLE]:
                pipe.hgetall(key)
            hashes = pipe.execute(raise_on_error=False)
        pairs = [pair for pair in zip(keys, hashes, strict=False) if isinstance(pair[1], dict)]
        return [
            {KEY: _decode(key, "a key"), **{_decode_name(name): "" for name in fields}}
            for key, fields in pairs
            if fields
        ]

    def page(self, segment: int, position: Any) -> Page:
        """Return the hashes among the next keys; Redis decides how many keys it looks at."""
        cursor, keys = self._scan(position or 0)
        with self.client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.hmget(key, self.fields or [""])
                pipe.exists(key)
            answers = pipe.execute()
        rows = zip(keys, answers[::2], answers[1::2], strict=True)
        return Page([self._document(key, values) for key, values, there in rows if there], cursor or None)

    def is_passing(self, error: Exception) -> bool:
        """Return whether the connection was lost or the server is still loading its data."""
        from redis import exceptions

        lost = (exceptions.ConnectionError, exceptions.TimeoutError)
        return isinstance(error, lost) and not isinstance(error, exceptions.AuthenticationError)

    def explain(self, error: Exception) -> tuple[str, str] | None:
        """Explain an error of Redis or of the connection to it."""
        from redis import exceptions

        uri = f"sources.{self.source.name}.uri of {file_name(self.customer)}"
        facts = self.client.connection_pool.connection_kwargs
        place = f"Redis at {facts.get('host', 'its socket')}:{facts.get('port', '')}".rstrip(":")
        text = str(error)
        if isinstance(error, exceptions.AuthenticationError) or "NOAUTH" in text or "WRONGPASS" in text:
            return f"{place} refuses its user name or password", f"Correct {uri}."
        if isinstance(error, exceptions.NoPermissionError):
            return f"{place} does not let its user scan and read hashes", f"Name another user in {uri}."
        if isinstance(error, exceptions.TimeoutError):
            return f"{place} does not answer", f"Check {uri}, or raise options.timeout_seconds."
        if isinstance(error, exceptions.ConnectionError):
            return f"{place} cannot be reached{_reason(text)}", f"Check {uri}."
        if isinstance(error, exceptions.RedisError):
            return f"{place} complains ({type(error).__name__})", f"Check {uri}; Redis must be version 6 or later."
        return None

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def _scan(self, cursor: int) -> tuple[int, list[bytes]]:
        return self.client.scan(cursor, match=self.pattern, count=self.page_size, _type="HASH")

    def _document(self, key: bytes, values: list[bytes | None]) -> Document:
        name = _decode(key, "a key")
        fields = zip(self.fields, values, strict=False)
        return {
            KEY: name,
            **{field: _decode(value, f"'{field}' of {name}") for field, value in fields if value is not None},
        }


def _connect(customer: Customer, source: Source) -> Any:
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        remedy = "Install it: pip install 'capflow[redis]'."
        raise source_error(customer, source, "reading Redis needs redis, which is not installed", remedy) from None

    seconds = timeout(customer, source)
    try:
        return redis.Redis.from_url(
            quote_login(customer, source.uri),
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 0),  # paging retries, for timeout_seconds
        )
    except (ValueError, TypeError) as error:  # its text may hold the password
        what = f"its uri is no address of a Redis server ({type(error).__name__})"
        remedy = f"Write sources.{source.name}.uri of {file_name(customer)} like redis://host:6379/0."
        raise source_error(customer, source, what, remedy) from None


def _decode(value: bytes, what: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise DocumentError(f"{what} is not UTF-8 text") from None


def _decode_name(value: bytes) -> str:
    return value.decode(errors="replace")


def _reason(text: str) -> str:
    if "refused" in text:
        return " (it refuses the connection)"
    return " (there is no such host)" if "Name or service" in text or "name resolution" in text else ""
