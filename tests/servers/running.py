"""The servers as fixtures make them, each for a scope of its own; where one cannot run, the test is skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import couchdb as couchdb_server
from tests.servers import dynamodb as dynamodb_server
from tests.servers import mariadb as mariadb_server
from tests.servers import mongodb as mongodb_server
from tests.servers import postgres as postgres_server
from tests.servers import redis as redis_process


def postgres() -> Iterator[str]:
    """The URL of a running PostgreSQL server, without a database's name."""
    pytest.importorskip("psycopg", reason="no psycopg: pip install 'capflow[postgres]'")
    binaries = postgres_server.programs()
    if binaries is None:
        pytest.skip("no PostgreSQL server: neither /usr/lib/postgresql/*/bin/initdb nor initdb in PATH")
    with postgres_server.server(binaries) as url:
        yield url


def mariadb() -> Iterator[str]:
    """The URL of a running MariaDB server, without a database's name."""
    pytest.importorskip("pymysql", reason="no PyMySQL: pip install 'capflow[mysql]'")
    programs = mariadb_server.programs()
    if programs is None:
        pytest.skip("no MariaDB server: neither mariadbd nor mariadb-install-db (Debian's mariadb-server)")
    with mariadb_server.server(*programs) as url:
        yield url


def dynamodb() -> Iterator[int]:
    """The port of a DynamoDB server on loopback."""
    pytest.importorskip("boto3", reason="no boto3: pip install 'capflow[aws]'")
    with dynamodb_server.server() as port:
        yield port


def mongodb() -> Iterator[mongodb_server.Mongo]:
    """A server on loopback that speaks MongoDB's wire protocol."""
    with mongodb_server.server() as running:
        yield running


def couchdb() -> Iterator[int]:
    """The port of a server on loopback with CouchDB's API."""
    with couchdb_server.server() as port:
        yield port


def redis_server() -> Iterator[int]:
    """The port of a Redis server on loopback."""
    pytest.importorskip("redis", reason="no redis: pip install 'capflow[redis]'")
    program = redis_process.program()
    if program is None:
        pytest.skip("no Redis server: apt-get install redis-server")
    with redis_process.server(program) as port:
        yield port
