"""The lake: one Delta table for each customer and asset. A reader sees a whole version or none."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from capflow_resources.delta import RETRIES, Partitioning, commit, open_table, storage_options
from capflow_resources.engines import WrittenFile, duckdb, storable, write_files
from capflow_resources.objects import ObjectStore, ObjectStoreError
from capflow_resources.s3 import is_s3, lake_access
from partitions.customer import NAME_PATTERN

if TYPE_CHECKING:
    import ibis
    import pyarrow as pa
    from deltalake import DeltaTable

ASSET_PATTERN = r"[a-z_]+/[a-z0-9_]+"
FACTS = "capflow"
WRITE = "capflow_write"


class LakeError(Exception):
    """A table of the lake cannot be read or written."""


@dataclass(frozen=True)
class TableVersion:
    """One published version of a table: its number, its row count, and the facts it was written with.

    `partitioned_by` is the partition column ("" for none): see Lake.write_dates.
    """

    version: int
    rows: int
    facts: Mapping[str, Any]
    partitioned_by: str = ""


class Lake:
    """Tables and documents by customer and asset name ("validated/bills"), under one folder or object-store URI."""

    def __init__(self, uri: str) -> None:
        self.uri = uri.rstrip("/")
        self.documents = ObjectStore(self.uri)

    def table_uri(self, customer: str, asset: str) -> str:
        """Return where a table lies; raises LakeError for a name that could reach another customer's folder."""
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

        `replace` is a condition ("as_of = '2026-11-01'"): `data` replaces only the rows that meet it.
        `facts` are kept with the version; they must be serialisable as JSON.
        """
        import pyarrow as pa

        write = uuid4().hex
        metadata = {FACTS: json.dumps(facts), WRITE: write}
        if replace is not None and self._open(customer, asset) is None:
            replace = None
        if replace is None and not isinstance(data, pa.Table):
            self._publish(customer, asset, {"": data}, metadata)
        else:
            self._stream(customer, asset, data, metadata, replace)
        return self._version_of_write(customer, asset, write)

    def write_dates(
        self,
        customer: str,
        asset: str,
        column: str,
        parts: Mapping[datetime, ibis.Table],
        facts: Mapping[str, Any],
        keep: Collection[datetime] = (),
        version: int | None = None,
    ) -> TableVersion:
        """Publish a table that is partitioned by the date in `column`, in one commit: each of `parts` holds one date.

        Dates in `keep` stay as they are in `version`, their files untouched; every other date is removed. Raises
        LakeError when another process published after `version`. Dates can only be kept of a table whose
        `partitioned_by` is `column`.
        """
        metadata = {FACTS: json.dumps(facts), WRITE: uuid4().hex}
        values = {date.isoformat(" "): part for date, part in parts.items()}
        partitioning = Partitioning(column, {date.isoformat(" ") for date in keep}, version)
        self._publish(customer, asset, values, metadata, partitioning)
        return self._version_of_write(customer, asset, metadata[WRITE])

    def version(self, customer: str, asset: str, number: int | None = None) -> TableVersion | None:
        """Return the newest published version (or that of this number), None when there is none."""
        from deltalake.exceptions import DeltaError

        table = self._open(customer, asset)
        if table is not None and number is not None:
            try:
                table.load_as_version(number)
            except DeltaError:
                return None
        return None if table is None else self._to_version(customer, asset, table)

    def read(self, customer: str, asset: str, con: ibis.BaseBackend, version: int | None = None) -> ibis.Table:
        """Return the newest (or the given) version as a lazy table on the engine `con`; LakeError if there is none."""
        import pyarrow as pa

        table = self._open(customer, asset)
        if table is None:
            raise LakeError(f"'{customer}' has no {asset} yet: run `capflow run --customer {customer}`")
        if version is not None:
            table.load_as_version(version)
        files = table.file_uris()
        self._attach_bucket(con)
        if files:
            return duckdb.read_files(con, files) if con.name == "duckdb" else con.read_parquet(files)
        schema = pa.schema(table.schema().to_arrow())
        return con.create_table(_temporary_name(asset), schema.empty_table(), temp=True)

    def put_document(self, customer: str, name: str, content: bytes) -> None:
        """Publish one small document ("validation/verdict.json") of a customer, atomically."""
        self.documents.put(self._document_key(customer, name), content)

    def document(self, customer: str, name: str) -> bytes | None:
        """Return a document's bytes, None when it was never written."""
        key = self._document_key(customer, name)
        return self.documents.get(key) if self.documents.exists(key) else None

    def _publish(
        self,
        customer: str,
        asset: str,
        parts: Mapping[str, ibis.Table],
        metadata: dict[str, str],
        partitioning: Partitioning | None = None,
    ) -> None:
        """Let the engine write Parquet files that no reader sees, a folder for each part; publish them in one commit.

        Raises LakeError for a failure of the lake; an error in computing the rows travels as it is.
        """
        uri = self.table_uri(customer, asset)
        self._attach_bucket(next(iter(parts.values())).get_backend())
        folders = [f"{metadata[WRITE]}_{number}" for number in range(len(parts))]
        files: list[WrittenFile] = []
        try:
            for folder, (value, data) in zip(folders, parts.items(), strict=True):
                values = {partitioning.column: value} if partitioning else {}
                files += [dataclasses.replace(file, partition_values=values) for file in write_files(data, uri, folder)]
        except Exception as error:
            self._discard(customer, asset, folders)
            if uri not in str(error):  # the rows could not be computed: not a failure of the lake
                raise
            raise LakeError(_write_failure(customer, asset, uri, error)) from error
        try:
            commit(uri, files, storable(data).schema().to_pyarrow(), metadata, partitioning)
        except Exception as error:
            self._discard(customer, asset, folders)
            raise LakeError(_write_failure(customer, asset, uri, error)) from error

    def _discard(self, customer: str, asset: str, folders: Collection[str]) -> None:
        """Remove files that no version will ever name; what cannot be removed now is left for a vacuum."""
        with suppress(ObjectStoreError):
            for folder in folders:
                for key in self.documents.list(f"{customer}/{asset}/{folder}"):
                    self.documents.delete(key)

    def _stream(
        self, customer: str, asset: str, data: ibis.Table | pa.Table, metadata: dict[str, str], replace: str | None
    ) -> None:
        """Write rows batch by batch, replacing the whole table or the part that meets a condition."""
        from deltalake import CommitProperties, write_deltalake

        uri, faults = self.table_uri(customer, asset), list[Exception]()
        # No retry for a new table: it would add these rows to those that another process has just published.
        retries = 0 if self._open(customer, asset) is None else RETRIES
        batches = _batches(data, faults)
        try:
            write_deltalake(
                uri,
                batches,
                mode="overwrite",
                schema_mode=None if replace else "overwrite",
                predicate=replace,
                storage_options=storage_options(uri),
                commit_properties=CommitProperties(custom_metadata=metadata, max_commit_retries=retries),
            )
        except Exception as error:
            if faults:  # the rows could not be computed: not a failure of the lake
                raise faults[0] from None
            raise LakeError(_write_failure(customer, asset, uri, error)) from error

    def _version_of_write(self, customer: str, asset: str, write: str) -> TableVersion:
        """Return the version that this write made: another process may have published a newer one meanwhile."""
        table = self._open(customer, asset)
        assert table is not None
        while self._commit(customer, asset, table.version()).get(WRITE) != write:
            table.load_as_version(table.version() - 1)
        return self._to_version(customer, asset, table)

    def _to_version(self, customer: str, asset: str, table: DeltaTable) -> TableVersion:
        facts = json.loads(self._commit(customer, asset, table.version()).get(FACTS, "{}"))
        return TableVersion(table.version(), table.count(), facts, ",".join(table.metadata().partition_columns))

    def _commit(self, customer: str, asset: str, version: int) -> dict[str, Any]:
        """Return the commit metadata of one version.

        Not by DeltaTable.history, which gives the newest commits instead of those up to the loaded version.
        """
        log = self.documents.get(f"{customer}/{asset}/_delta_log/{version:020d}.json")
        actions = (json.loads(line) for line in log.splitlines())
        return next((action["commitInfo"] for action in actions if "commitInfo" in action), {})

    def _document_key(self, customer: str, name: str) -> str:
        if not re.fullmatch(NAME_PATTERN, customer):
            raise LakeError(f"'{customer}' is not a customer name")
        return f"{customer}/{name}"

    def _open(self, customer: str, asset: str) -> DeltaTable | None:
        from deltalake.exceptions import TableNotFoundError

        try:
            return open_table(self.table_uri(customer, asset))
        except TableNotFoundError:
            return None
        except OSError as error:
            raise LakeError(f"{asset} of '{customer}' could not be read from {self.uri}: {_cause(error)}") from error

    def _attach_bucket(self, con: ibis.BaseBackend) -> None:
        """Let DuckDB read and write the lake's bucket; nothing to do for a folder or for Spark."""
        if con.name != "duckdb" or not is_s3(self.uri):
            return
        try:
            lake_access().attach(con.con, self.uri)
        except ModuleNotFoundError:
            raise LakeError(f"{self.uri} needs DuckDB's httpfs: pip install 'capflow[aws]'") from None


def _temporary_name(asset: str) -> str:
    return f"{asset.replace('/', '_')}_{uuid4().hex[:8]}"


def _batches(data: ibis.Table | pa.Table, faults: list[Exception]) -> pa.RecordBatchReader:
    """Return the rows in types that Delta can hold; an error while they are computed is also added to `faults`."""
    import pyarrow as pa

    reader = data.to_reader() if isinstance(data, pa.Table) else data.to_pyarrow_batches(chunk_size=100_000)
    schema = pa.schema([pa.field(field.name, _delta_type(field.type)) for field in reader.schema])

    def cast() -> Iterator[pa.RecordBatch]:
        try:
            for batch in reader:
                yield batch.cast(schema)
        except Exception as error:
            faults.append(error)
            raise

    return pa.RecordBatchReader.from_batches(schema, cast())


def _write_failure(customer: str, asset: str, uri: str, error: Exception) -> str:
    from deltalake.exceptions import CommitFailedError

    if isinstance(error, CommitFailedError):
        return f"{asset} of '{customer}' was published by another process at the same moment: run again"
    return (
        f"{asset} of '{customer}' could not be written to {uri}: {_cause(error)}. "
        "Free space there or check who may write there, then run again; what was published before is untouched"
    )


def _cause(error: Exception) -> str:
    """Return an error's message in one line: a disk's comes first, a bucket's follows after many others."""
    first, *more = re.sub(r"\x1b\[\d+m", "", str(error)).splitlines() or [""]
    last = "; ".join(line.strip(" ↳") for line in more if "↳" in line)
    return f"{first.rpartition(' error: ')[2].rstrip('.')}{f': {last}' if last else ''}"


def _delta_type(dtype: pa.DataType) -> pa.DataType:
    """Return the type that Delta can hold: microseconds, signed integers, no dictionaries, no untyped nulls."""
    import pyarrow as pa

    if pa.types.is_timestamp(dtype):
        return pa.timestamp("us", tz=dtype.tz)
    if pa.types.is_dictionary(dtype):
        return _delta_type(dtype.value_type)
    if pa.types.is_null(dtype):
        return pa.string()
    if pa.types.is_unsigned_integer(dtype):
        return pa.int64()
    return dtype
