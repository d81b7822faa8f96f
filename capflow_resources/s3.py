"""Access to S3 and compatible stores, resolved once and given to each library in its own terms."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from capflow_resources.engines.quoting import quote_literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from obstore.store import S3Config, S3Store

TIMEOUT_SECONDS = 30
LAKE_SECONDS, LAKE_RETRIES = 60, 5  # more patience: a run that fails to write loses its work


@dataclass(frozen=True)
class S3Access:
    """Region, endpoint (if not Amazon's) and keys; without keys only public data can be read.

    `seconds` is the time limit for a connection, and again for an answer.
    """

    region: str = "us-east-1"
    endpoint: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    seconds: int = TIMEOUT_SECONDS
    retries: int = 2

    def attach(self, con: DuckDBPyConnection, scope: str) -> None:
        """Let DuckDB read and write under `scope` (s3://bucket/prefix); raises ModuleNotFoundError without httpfs."""
        from capflow_resources.sources.duckdb_extension import load_extension

        load_extension(con, "httpfs")
        con.execute(f"SET http_timeout = {self.seconds}")
        con.execute(f"SET http_retries = {self.retries}")
        host = self.endpoint.partition("://")[2].rstrip("/")
        facts = {
            "KEY_ID": self.access_key_id,
            "SECRET": self.secret_access_key,
            "SESSION_TOKEN": self.session_token,
            "REGION": self.region,
            "ENDPOINT": host,
            "URL_STYLE": "path" if host else "vhost",
            "SCOPE": scope,
        }
        settings = [f"{name} {quote_literal(value)}" for name, value in facts.items() if value]
        settings.append(f"USE_SSL {str(not self.endpoint.startswith('http://')).lower()}")
        name = f"capflow_{hashlib.sha256(scope.encode()).hexdigest()[:16]}"
        con.execute(f"CREATE OR REPLACE TEMPORARY SECRET {name} (TYPE s3, {', '.join(settings)})")

    def store(self, bucket: str) -> S3Store:
        """Return a bucket of obstore, for listing and for reading single objects."""
        from datetime import timedelta

        from obstore.store import S3Store

        limit = f"{self.seconds}s"
        facts: Any = {"region": self.region, "endpoint": self.endpoint, **self._keys()}
        return S3Store(
            bucket,
            config=cast("S3Config", {name: value for name, value in facts.items() if value}),
            client_options={
                "connect_timeout": limit,
                "timeout": limit,
                "allow_http": self.endpoint.startswith("http://"),
            },
            retry_config={"max_retries": self.retries, "retry_timeout": timedelta(seconds=self.seconds)},
        )

    def storage_options(self) -> dict[str, str]:
        """Return deltalake's options for the same access."""
        facts = {"region": self.region, "endpoint": self.endpoint, **self._keys()}
        options = {f"AWS_{name.upper()}": "true" if value is True else str(value) for name, value in facts.items()}
        options["AWS_ENDPOINT_URL"] = options.pop("AWS_ENDPOINT")
        limits = {"timeout": f"{self.seconds}s", "connect_timeout": f"{self.seconds}s"}
        limits |= {"max_retries": str(self.retries), "retry_timeout": f"{self.seconds}s"}
        return {**{name: value for name, value in options.items() if value}, **limits, "AWS_ALLOW_HTTP": "true"}

    def _keys(self) -> dict[str, Any]:
        if not self.access_key_id:
            return {"skip_signature": True}  # without this, the store would ask Amazon's metadata server for keys
        keys = ("access_key_id", "secret_access_key", "session_token")
        return {name: getattr(self, name) for name in keys if getattr(self, name)}


def find_access(
    options: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, seconds: int = TIMEOUT_SECONDS
) -> S3Access:
    """Return the access that `options` describe, completed from the environment and then from Amazon's usual chain.

    Options: `region`, `endpoint`, `access_key_id`, `secret_access_key`, `session_token`. Profiles and roles need boto3.
    """
    given = {name: str(value) for name, value in (options or {}).items()}
    environ = os.environ if environ is None else environ
    keys = {name: given.get(name, "") for name in ("access_key_id", "secret_access_key", "session_token")}
    region = given.get("region") or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    if not keys["access_key_id"]:
        keys = {name: environ.get(f"AWS_{name.upper()}", "") for name in keys}
    if not keys["access_key_id"]:
        keys, region = _boto3_credentials(region)
    endpoint = given.get("endpoint") or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""
    if endpoint and "://" not in endpoint:
        endpoint = f"https://{endpoint}"
    return S3Access(
        region=region or "us-east-1",
        endpoint=endpoint.rstrip("/"),
        access_key_id=keys.get("access_key_id", ""),
        secret_access_key=keys.get("secret_access_key", ""),
        session_token=keys.get("session_token", ""),
        seconds=seconds,
    )


def is_s3(uri: str) -> bool:
    """Return whether a lake or a source lies in S3."""
    return uri.startswith(("s3://", "s3a://"))


def lake_access() -> S3Access:
    """Return the access to CapFlow's own data, from the environment."""
    return replace(find_access(seconds=LAKE_SECONDS), retries=LAKE_RETRIES)


def _boto3_credentials(region: str) -> tuple[dict[str, str], str]:
    """Return keys and region that boto3 finds in profiles, roles and metadata servers; no keys without boto3."""
    if find_spec("boto3") is None:
        return {}, region
    import boto3

    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        return {}, region or session.region_name or ""
    frozen = credentials.get_frozen_credentials()
    keys = {
        "access_key_id": frozen.access_key,
        "secret_access_key": frozen.secret_key,
        "session_token": frozen.token or "",
    }
    return keys, region or session.region_name or ""
