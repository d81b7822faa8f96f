"""Looking at data and proposing, as the command does it; real retailers are looked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from capflow_assets.onboarding.proposal import Proposal, propose
from capflow_assets.onboarding.reading import Looker
from tests.servers import couchdb as couchdb_server
from tests.servers import dynamodb as dynamodb_server
from tests.servers import mariadb as mariadb_server
from tests.servers import mongodb as mongodb_server
from tests.servers import postgres as postgres_server
from tests.servers import redis as redis_process

Proposed = Callable[..., Proposal]


def look_and_propose(*given: str, timezone: str | None = None) -> Proposal:
    looker = Looker("acme", 300, {})
    try:
        return propose(looker.tables(looker.places(given)), looker.con.con, timezone)
    finally:
        looker.close()


@pytest.fixture(scope="session")
def proposed() -> Proposed:
    """What is proposed for data at these URIs."""
    return look_and_propose


@pytest.fixture(scope="session")
def real(real_data: Path) -> Proposed:
    """What is proposed for a folder or file of the real data."""

    looked: dict[tuple[str, str | None], Proposal] = {}

    def found(name: str, timezone: str | None = None) -> Proposal:
        if (name, timezone) not in looked:
            looked[name, timezone] = look_and_propose(str(real_data / name), timezone=timezone)
        return looked[name, timezone]

    return found


def mapped(proposal: Proposal, table: str) -> dict[str, object]:
    """Canonical column -> the source column, several of them, or the value that is always the same."""
    columns = proposal.tables[table].columns
    return {
        name: column.value if not column.sources else column.sources[0] if len(column.sources) == 1 else column.sources
        for name, column in columns.items()
    }


# Who looks at a server looks at all that it holds: these are servers without what other tests have left there.


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of this module's own."""
    pytest.importorskip("psycopg")
    programs = postgres_server.programs()
    if programs is None:
        pytest.skip("no PostgreSQL server: neither /usr/lib/postgresql/*/bin/initdb nor initdb in PATH")
    with postgres_server.server(programs) as url:
        yield url


@pytest.fixture(scope="module")
def mariadb() -> Iterator[str]:
    """A MariaDB server of this module's own."""
    pytest.importorskip("pymysql")
    programs = mariadb_server.programs()
    if programs is None:
        pytest.skip("no MariaDB server: neither mariadbd nor mariadb-install-db (Debian's mariadb-server)")
    with mariadb_server.server(*programs) as url:
        yield url


@pytest.fixture(scope="module")
def redis_server() -> Iterator[int]:
    """A Redis server of this module's own."""
    pytest.importorskip("redis")
    program = redis_process.program()
    if program is None:
        pytest.skip("no Redis server: apt-get install redis-server")
    with redis_process.server(program) as port:
        yield port


@pytest.fixture(scope="module")
def mongodb() -> Iterator[mongodb_server.Mongo]:
    """A server of this module's own that speaks MongoDB's wire protocol."""
    with mongodb_server.server() as running:
        yield running


@pytest.fixture(scope="module")
def couchdb() -> Iterator[int]:
    """A server of this module's own with CouchDB's API."""
    with couchdb_server.server() as port:
        yield port


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[int]:
    """A DynamoDB server of this module's own."""
    pytest.importorskip("boto3")
    with dynamodb_server.server() as port:
        yield port
