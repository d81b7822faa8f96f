"""The commit that turns Parquet files which an engine has written into the new version of a Delta table."""

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
class Division:
    """How a table is divided into files by the values of `column`, and which values' files of `version` stay."""

    column: str
    keep: Collection[str]
    version: int | None


def commit(
    uri: str,
    files: Sequence[WrittenFile],
    schema: pa.Schema,
    noted: Mapping[str, str],
    division: Division | None = None,
) -> None:
    """Make `files`, by their paths under `uri`, and what the division keeps the table, in one commit with `noted`.

    A new table is divided as asked; one that was not stays so, and nothing of it can be kept. deltalake's
    CommitFailedError when another process published meanwhile.
    """
    from deltalake import DeltaTable, Schema
    from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
    from deltalake.transaction import create_table_with_add_actions

    columns = Schema.from_arrow(schema)
    by = [division.column] if division else None
    try:
        table = opened(uri)
    except TableNotFoundError:
        # Without a second try, which would add these files to those of a table that another process has just made.
        once = _properties(noted, division, retries=0)
        try:
            create_table_with_add_actions(
                uri,
                columns,
                [_added(file) for file in files],
                partition_by=by,
                commit_properties=once,
                storage_options=storage_options(uri),
            )
        except DeltaError as error:
            if DeltaTable.is_deltatable(uri, storage_options(uri)):
                raise CommitFailedError(str(error)) from error
            raise
        return
    _allow_times_without_zone(table, schema)
    if division and division.version is not None:
        table.load_as_version(division.version)  # what was published since then collides
    divided = division is not None and table.metadata().partition_columns == [division.column]
    kept = [(division.column, "not in", sorted(division.keep))] if division and division.keep and divided else None
    table.create_write_transaction(
        [_added(file if divided else replace(file, holds={})) for file in files],
        "overwrite",
        columns,
        partition_by=by if divided else None,
        partition_filters=kept,
        commit_properties=_properties(noted, division),
    )


def opened(uri: str) -> DeltaTable:
    """The table at its newest version; deltalake's TableNotFoundError when there is none."""
    from deltalake import DeltaTable

    return DeltaTable(uri, storage_options=storage_options(uri))


def storage_options(uri: str) -> dict[str, str] | None:
    """How deltalake reaches the table: what the environment says of S3, nothing for a folder."""
    return lake_access().storage_options() if is_s3(uri) else None


def _allow_times_without_zone(table: DeltaTable, schema: pa.Schema) -> None:
    """A table that was made without such a column must declare the feature first, under the notes that it has."""
    import pyarrow as pa
    from deltalake import TableFeatures

    naive = any(pa.types.is_timestamp(field.type) and field.type.tz is None for field in schema)
    if naive and "timestampNtz" not in (table.protocol().writer_features or ()):
        last = table.history(1)[0]
        kept = {name: value for name, value in last.items() if name.startswith("capflow")}
        table.alter.add_feature(
            TableFeatures.TimestampWithoutTimezone,
            allow_protocol_versions_increase=True,
            commit_properties=_properties(kept),
        )
        table.update_incremental()


def _added(file: WrittenFile) -> AddAction:
    from deltalake.transaction import AddAction

    statistics = json.dumps({"numRecords": file.rows})
    return AddAction(file.path, file.bytes, dict(file.holds), int(time.time() * 1000), True, statistics)


def _properties(noted: Mapping[str, str], division: Division | None = None, retries: int = RETRIES) -> CommitProperties:
    from deltalake import CommitProperties, Transaction

    # Two processes that add files for one value remove nothing of one another's: by this mark they collide.
    marks = [Transaction("capflow/division", 1 + (division.version or 0))] if division else None
    return CommitProperties(custom_metadata=dict(noted), max_commit_retries=retries, app_transactions=marks)
