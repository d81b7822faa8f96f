"""Looking at data and proposing, as the command does it; real retailers are looked at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from capflow_assets.onboarding.profiling.source_profiler import SourceProfiler
from capflow_assets.onboarding.proposal import Proposal, propose
from tests.servers import running

Proposed = Callable[..., Proposal]


def look_and_propose(*given: str, timezone: str | None = None) -> Proposal:
    profiler = SourceProfiler("acme", 300, {})
    try:
        return propose(profiler.tables(profiler.places(given)), profiler.con.con, timezone)
    finally:
        profiler.close()


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
postgres = pytest.fixture(scope="module")(running.postgres)
mariadb = pytest.fixture(scope="module")(running.mariadb)
dynamodb = pytest.fixture(scope="module")(running.dynamodb)
mongodb = pytest.fixture(scope="module")(running.mongodb)
couchdb = pytest.fixture(scope="module")(running.couchdb)
redis_server = pytest.fixture(scope="module")(running.redis_server)
