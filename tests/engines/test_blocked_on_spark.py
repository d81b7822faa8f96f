"""A check that fails on Spark stops the customer's pipeline: pandera's own run on Spark would not raise."""

from __future__ import annotations

import json
from pathlib import Path

from tests.engines.engines import IN_PROCESS
from tests.servers.spark import require_java
from tests.worlds.tiny_shop import TinyShop, lines


def test_a_customer_on_spark_is_blocked_by_a_failing_check(tmp_path: Path) -> None:
    require_java()
    shop = TinyShop(tmp_path).sends("line_items", lines(Price=[-1.0, 2.5] * 240))
    file = shop.home.customers_folder / "acme.yaml"
    spark = f'engine: {{kind: spark, url: "local[2]", options: {json.dumps(IN_PROCESS)}}}\n'
    file.write_text(file.read_text() + spark)
    outcomes = shop.run(["raw/line_items", "validated/line_items", "validated/bills", "validation/report"])
    assert {asset: outcome.status for asset, outcome in outcomes.items()} == {
        "raw/line_items": "done", "validated/line_items": "blocked", "validated/bills": "blocked",
        "validation/report": "blocked",
    }  # fmt: skip
    assert "in 240 of 480 rows unit_price breaks" in outcomes["validated/line_items"].reason
    version = shop.home.lake.version("acme", "quarantine/line_items")
    assert version is not None
    assert version.rows == 240
