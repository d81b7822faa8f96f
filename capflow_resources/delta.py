"""The commit that turns Parquet files which an engine has written into the new version of a Delta table."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from capflow_resources.engines import WrittenFile
from capflow_resources.s3 import is_s3, lake_access

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import CommitProperties, DeltaTable
    from deltalake.transaction import AddAction

RETRIES = 60


def commit(uri: str, files: Sequence[WrittenFile], schema: pa.Schema, noted: Mapping[str, str]) -> None:
    """Make `files`, by their paths under `uri`, the whole of the table, in one commit that carries `noted`."""
    from deltalake import Schema
    from deltalake.exceptions import TableNotFoundError
    from deltalake.transaction import create_table_with_add_actions

    actions = [_added(file) for file in files]
    columns, properties = Schema.from_arrow(schema), _properties(noted)
    try:
        table = opened(uri)
    except TableNotFoundError:
        reached = storage_options(uri)
        create_table_with_add_actions(uri, columns, actions, commit_properties=properties, storage_options=reached)
        return
    _allow_times_without_zone(table, schema)
    table.create_write_transaction([*actions], "overwrite", columns, commit_properties=properties)


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
    return AddAction(file.path, file.bytes, {}, int(time.time() * 1000), True, statistics)


def _properties(noted: Mapping[str, str]) -> CommitProperties:
    from deltalake import CommitProperties

    return CommitProperties(custom_metadata=dict(noted), max_commit_retries=RETRIES)
