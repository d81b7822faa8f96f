"""Every kind of source that the shared suites keep rows in can be on-boarded from: it is listed, read and mapped."""

from __future__ import annotations

import uuid
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from capflow_assets.onboarding.profiling.source_profiler import SourceProfiler
from capflow_assets.onboarding.proposal import propose
from capflow_assets.simulator import Retailer, simulate
from tests.onboarding.conftest import mapped
from tests.sources.writers import JOINED

COLUMNS = {"bill_id": "receipt", "user_id": "member", "item_id": "sku", "ts": "sold_at", "unit_price": "price"}


@pytest.fixture(scope="module")
def sales() -> pd.DataFrame:
    lines = simulate(Retailer("shop", "fashion", 20, date(2025, 5, 1), 300, seed=5, timezone="UTC")).line_items
    return lines[list(COLUMNS)].rename(columns=COLUMNS)


@pytest.mark.parametrize("name", [name for name in JOINED if name not in ("media", "text")])
def test_a_source_of_this_kind_is_mapped(
    name: str, sales: pd.DataFrame, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    joined = JOINED[name]
    kept = joined.write(
        tmp_path, f"s{uuid.uuid4().hex[:8]}", sales, request.getfixturevalue(joined.server) if joined.server else None
    )
    options = {key: str(value) for key, value in kept.options.items()}
    profiler = SourceProfiler("acme", 120, {}, options)
    try:
        places = profiler.places([kept.uri])
        assert [place.kind for place in places] == ["postgres" if name == "sql by Ibis" else joined.kind]
        shown = str([(place.written, place.options) for place in places])
        assert not [value for key, value in options.items() if "secret" in key and value in shown]
        wanted = kept.table.get("table")
        tables = [table for table in profiler.tables(places) if wanted is None or table.table == wanted]
        assert len(tables) == 1
        proposal = propose(tables, profiler.con.con)
        assert mapped(proposal, "line_items") == COLUMNS
    finally:
        profiler.close()
