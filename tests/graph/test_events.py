"""What Dagster is told of each outcome: what is blocked says why, and what is not sent holds up nothing."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg

from capflow_assets.definitions import defs
from capflow_assets.graph.events import _metadata_values
from capflow_assets.graph.keys import key
from capflow_assets.graph.launch import add_partitions, materialise, open_instance
from capflow_assets.run.plan import REPORT, until
from capflow_resources.home import Home

Onboard = Callable[..., None]


def test_a_table_that_is_not_sent_does_not_hold_up_automation(home: Home, onboard: Onboard) -> None:
    onboard("ann")
    assert "media" not in home.customer("ann").tables
    wanted = dg.AssetSelection.assets(key(REPORT))
    with open_instance(home) as storage:
        add_partitions(storage, home)
        before = dg.evaluate_automation_conditions(defs, storage, wanted)
    materialise(home, ["ann"], until("validated"))
    with open_instance(home) as storage:
        after = dg.evaluate_automation_conditions(defs, storage, wanted, cursor=before.cursor)
        assert after.get_requested_partitions(key(REPORT)) == {"ann"}


def test_what_is_blocked_is_observed_with_its_reason(home: Home, onboard: Onboard) -> None:
    onboard(bob="doubled")
    materialise(home, ["bob"], [*until("validation"), "features/rfm"])
    with open_instance(home) as storage:
        found = {
            asset: storage.fetch_observations(
                dg.AssetRecordsFilter(asset_key=key(asset), asset_partitions=["bob"]), limit=1
            ).records[0]
            for asset in (REPORT, "features/rfm")
        }
    for record in found.values():
        told = record.asset_observation
        assert told is not None
        assert told.metadata["status"].value == "blocked"
        assert "set tables.line_items.drop_duplicates: true" in str(told.metadata["reason"].value)
    assert "plots" in found[REPORT].asset_observation.metadata  # type: ignore[union-attr]


def test_a_table_shows_what_failed_first_and_keeps_long_texts_out() -> None:
    rows = [
        {"kpi": "bills", "value": 4.0, "high": None, "passed": True, "message": "m" * 100},
        {"kpi": "users", "value": 0.123456, "high": None, "passed": False, "message": "x" * 100},
    ]
    shown = _metadata_values({"findings": rows, "dropped": {}, "nothing": None, "columns": ["a", "b"]})
    assert [record.data for record in shown["findings"].records] == [
        {"kpi": "users", "value": 0.1235, "passed": False},
        {"kpi": "bills", "value": 4.0, "passed": True},
    ]
    assert {name: value for name, value in shown.items() if name != "findings"} == {
        "users": "x" * 100,
        "columns": "a, b",
    }
