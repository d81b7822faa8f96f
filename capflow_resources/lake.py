"""The lake: one Delta table for each customer and asset. A reader sees a whole version or none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capflow_resources.objects import ObjectStore
from partitions.customer import NAME_PATTERN

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa
    from deltalake import DeltaTable

ASSET_PATTERN = r"[a-z_]+/[a-z0-9_]+"
FACTS = "capflow"


class LakeError(Exception):
    """A table of the lake cannot be read or written."""


@dataclass(frozen=True)
class TableVersion:
    """One published version of a table: its number, its rows, and the facts that it was written with."""

    version: int
    rows: int
    facts: Mapping[str, Any]


class Lake:
    """Tables and documents by customer and asset name ("validated/bills"), under one folder or object-store URI."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self.documents = ObjectStore(self.uri)

    def table_uri(self, customer: str, asset: str) -> str:
        """Where a table lies; LakeError for a name that could reach another customer's folder."""
        if not re.fullmatch(NAME_PATTERN, customer) or not re.fullmatch(ASSET_PATTERN, asset):
            raise LakeError(f"'{customer}' / '{asset}' is not a customer and an asset name")
        return f"{self.uri}/{customer}/{asset}"

    def write(
        self,
        customer: str,
        asset: str,
        data: ibis.Table | pa.Table,
        facts: Mapping[str, Any],
        replace: str | None = None,
    ) -> TableVersion:
        """Publish `data` as the new version of a table, streamed, in one commit.

        `replace` is a condition ("as_of = '2026-11-01'"): only the rows that meet it are replaced by `data`.
        `facts` are kept with the version; they must survive json.dumps.
        """
        from deltalake import CommitProperties, write_deltalake

        uri = self.table_uri(customer, asset)
        partly = replace is not None and self._open(customer, asset) is not None
        write_deltalake(
            uri,
            _batches(data),
            mode="overwrite",
            schema_mode=None if partly else "overwrite",
            predicate=replace if partly else None,
            commit_properties=CommitProperties(custom_metadata={FACTS: json.dumps(facts)}, max_commit_retries=60),
        )
        written = self.version(customer, asset)
        assert written is not None
        return written

    def version(self, customer: str, asset: str) -> TableVersion | None:
        """The newest published version, None when there is none yet."""
        table = self._open(customer, asset)
        if table is None:
            return None
        facts = json.loads(table.history(1)[0].get(FACTS, "{}"))
        return TableVersion(table.version(), table.count(), facts)

    def read(self, customer: str, asset: str, con: ibis.BaseBackend, version: int | None = None) -> ibis.Table:
        """A lazy table of the newest (or the given) version on the engine `con`."""
        import pyarrow as pa

        table = self._open(customer, asset)
        if table is None:
            raise LakeError(f"'{customer}' has no {asset} yet: run `capflow run --customer {customer}`")
        if version is not None:
            table.load_as_version(version)
        files = table.file_uris()
        if files:
            return con.read_parquet(files)  # type: ignore[attr-defined, no-any-return]
        schema = pa.schema(table.schema().to_arrow())
        return con.create_table(_scratch(asset), schema.empty_table(), temp=True)

    def put_document(self, customer: str, name: str, content: bytes) -> None:
        """Publish one small document ("validation/verdict.json") of a customer, whole or not at all."""
        self.documents.put(self._document_key(customer, name), content)

    def document(self, customer: str, name: str) -> bytes | None:
        """A document's bytes, None when it was never written."""
        key = self._document_key(customer, name)
        return self.documents.get(key) if self.documents.exists(key) else None

    def _document_key(self, customer: str, name: str) -> str:
        if not re.fullmatch(NAME_PATTERN, customer):
            raise LakeError(f"'{customer}' is not a customer name")
        return f"{customer}/{name}"

    def _open(self, customer: str, asset: str) -> DeltaTable | None:
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        try:
            return DeltaTable(self.table_uri(customer, asset))
        except TableNotFoundError:
            return None


def _scratch(asset: str) -> str:
    from uuid import uuid4

    return f"{asset.replace('/', '_')}_{uuid4().hex[:8]}"


def _batches(data: ibis.Table | pa.Table) -> pa.RecordBatchReader:
    import pyarrow as pa

    reader = data.to_reader() if isinstance(data, pa.Table) else data.to_pyarrow_batches(chunk_size=100_000)
    schema = pa.schema([pa.field(field.name, _storable(field.type)) for field in reader.schema])

    def cast() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            yield batch.cast(schema)

    return pa.RecordBatchReader.from_batches(schema, cast())


def _storable(dtype: pa.DataType) -> pa.DataType:
    """The type that Delta can hold: microseconds, signed integers, no dictionaries, no untyped nulls."""
    import pyarrow as pa

    if pa.types.is_timestamp(dtype):
        return pa.timestamp("us", tz=dtype.tz)
    if pa.types.is_dictionary(dtype):
        return _storable(dtype.value_type)
    if pa.types.is_null(dtype):
        return pa.string()
    if pa.types.is_unsigned_integer(dtype):
        return pa.int64()
    return dtype
