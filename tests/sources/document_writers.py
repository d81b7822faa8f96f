"""Writers of test tables into document stores: each row a document; empty values are left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers import couchdb, dynamodb
from tests.servers import redis as redis_server
from tests.servers.mongodb import Mongo

if TYPE_CHECKING:
    import pandas as pd


def write_dynamodb(folder: Path, name: str, rows: pd.DataFrame, server: int) -> Any:
    from tests.sources.writers import StoredTable

    dynamodb.fill(server, name, documents(rows, {float: lambda value: Decimal(repr(value)), datetime: _iso}))
    options = {"access_key_id": dynamodb.KEY_ID, "secret_access_key": dynamodb.SECRET, "segments": 2}
    return StoredTable("dynamodb://eu-west-1", options | {"endpoint": f"http://127.0.0.1:{server}"}, {"table": name})


def write_mongodb(folder: Path, name: str, rows: pd.DataFrame, server: Mongo) -> Any:
    from tests.sources.writers import StoredTable

    found = documents(rows, {datetime: _iso})
    server.fill("shop", name, [{"_id": number, **document} for number, document in enumerate(found)])
    return StoredTable(server.uri("shop"), table={"table": name})


def write_redis(folder: Path, name: str, rows: pd.DataFrame, server: int) -> Any:
    import redis

    from tests.sources.writers import StoredTable

    with redis.Redis(port=server, password=redis_server.PASSWORD) as client, client.pipeline() as pipe:
        for number, document in enumerate(documents(rows, {bool: str, datetime: _iso})):
            pipe.hset(f"{name}:{number}", mapping=document)
        pipe.execute()
    return StoredTable(f"redis://:{redis_server.PASSWORD}@127.0.0.1:{server}/0", table={"table": f"{name}:*"})


def write_couchdb(folder: Path, name: str, rows: pd.DataFrame, server: int) -> Any:
    from tests.sources.writers import StoredTable

    couchdb.fill(server, name, documents(rows, {datetime: _iso}))
    return StoredTable(f"http://127.0.0.1:{server}", table={"table": name})


def documents(rows: pd.DataFrame, as_kept: Mapping[type, Callable[[Any], Any]]) -> list[dict[str, Any]]:
    """Return a frame's rows as plain documents, with values converted to what the store holds."""
    import pandas as pd

    def kept(value: Any) -> Any:
        change = next((change for kind, change in as_kept.items() if isinstance(value, kind)), None)
        return change(value) if change else value

    records = rows.astype(object).to_dict("records")
    return [{name: kept(value) for name, value in record.items() if not pd.isna(value)} for record in records]


def _iso(value: datetime) -> str:
    return value.isoformat()
