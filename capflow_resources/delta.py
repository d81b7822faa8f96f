"""Commits Parquet files that an engine has written as the new version of a Delta table."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from capflow_resources.engines import WrittenFile
from capflow_resources.s3 import is_s3, lake_access

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable
    from deltalake.transaction import AddAction

RETRIES = 60


@dataclass(frozen=True)
class Partitioning:
    """The partition column of a table, and the values whose files are kept from `version` (None: nothing is kept)."""

    column: str
    keep: Collection[str]
    version: int | None


def commit(
    uri: str,
    files: Sequence[WrittenFile],
    schema: pa.Schema,
    metadata: Mapping[str, str],
    partitioning: Partitioning | None = None,
) -> None:
    """Publish `files` (paths under `uri`) and the kept partitions as the table, in one commit with `metadata`.

    A new table is partitioned as asked. An unpartitioned table stays unpartitioned, and nothing of it can be kept.
    Raises deltalake's CommitFailedError when another process published meanwhile.
    """
    from deltalake import DeltaTable, Schema
    from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
    from deltalake.transaction import create_table_with_add_actions

    columns = Schema.from_arrow(schema)
    by = [partitioning.column] if partitioning else None
    try:
        table = open_table(uri)
    except TableNotFoundError:
        # Without a retry, which would add these files to those of a table that another process has just created.
        once = _commit_properties(metadata, partitioning, retries=0)
        try:
            create_table_with_add_actions(
                uri,
                columns,
                [_add_action(file) for file in files],
                partition_by=by,
                commit_properties=once,
                storage_options=storage_options(uri),
            )
        except DeltaError as error:
            if DeltaTable.is_deltatable(uri, storage_options(uri)):
                raise CommitFailedError(str(error)) from error
            raise
        return
    _enable_timestamp_ntz(table, schema)
    if partitioning and partitioning.version is not None:
        table.load_as_version(partitioning.version)  # what was published since then collides
    is_partitioned = partitioning is not None and table.metadata().partition_columns == [partitioning.column]
    replaced = None
    if partitioning and partitioning.keep and is_partitioned:
        replaced = [(partitioning.column, "not in", sorted(partitioning.keep))]
    table.create_write_transaction(
        [_add_action(file if is_partitioned else replace(file, partition_values={})) for file in files],
        "overwrite",
        columns,
        partition_by=by if is_partitioned else None,
        partition_filters=replaced,
        commit_properties=_commit_properties(metadata, partitioning),
    )


def open_table(uri: str) -> DeltaTable:
    """Return the table at its newest version; raises deltalake's TableNotFoundError."""
    from deltalake import DeltaTable

    return DeltaTable(uri, storage_options=storage_options(uri))


def storage_options(uri: str) -> dict[str, str] | None:
    """Return how deltalake reaches the table: S3 options from the environment, None for a folder."""
    return lake_access().storage_options() if is_s3(uri) else None


def _enable_timestamp_ntz(table: DeltaTable, schema: pa.Schema) -> None:
    """Declare Delta's feature for timestamps without a zone where `schema` has some and the table was made without any.

    The declaration is a commit of its own, which repeats the newest version's metadata.
    """
    import pyarrow as pa
    from deltalake import TableFeatures

    has_naive = any(pa.types.is_timestamp(field.type) and field.type.tz is None for field in schema)
    if has_naive and "timestampNtz" not in (table.protocol().writer_features or ()):
        last = table.history(1)[0]
        kept = {name: value for name, value in last.items() if name.startswith("capflow")}
        table.alter.add_feature(
            TableFeatures.TimestampWithoutTimezone,
            allow_protocol_versions_increase=True,
            commit_properties=_commit_properties(kept),
        )
        table.update_incremental()


def _add_action(file: WrittenFile) -> AddAction:
    from deltalake.transaction import AddAction

    statistics = json.dumps({"numRecords": file.rows})
    return AddAction(file.path, file.bytes, dict(file.partition_values), int(time.time() * 1000), True, statistics)


def _commit_properties(
    metadata: Mapping[str, str], partitioning: Partitioning | None = None, retries: int = RETRIES
) -> CommitProperties:
    from deltalake import CommitProperties, Transaction

    # Two processes that add files for one value remove none of each other's: this transaction makes them collide.
    transactions = [Transaction("capflow/division", 1 + (partitioning.version or 0))] if partitioning else None
    return CommitProperties(custom_metadata=dict(metadata), max_commit_retries=retries, app_transactions=transactions)
