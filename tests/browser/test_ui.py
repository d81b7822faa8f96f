"""The Dagster UI shows a person what CapFlow did for each customer, and why it did not."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from capflow_assets.run.catalogue import tables as canonical_tables
from capflow_assets.run.plan import LAYERS
from tests.browser.screen import Screen
from tests.browser.served import Served, until

BACKFILL_SECONDS = 180
STATUS = """query($id: String!) {partitionBackfillOrError(backfillId: $id) {... on PartitionBackfill {status
    assetBackfillData {assetBackfillStatuses {... on AssetPartitionsStatusCounts {
        numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed}}}}}}"""
PARTITIONS = """query($path: [String!]!) {assetNodeOrError(assetKey: {path: $path}) {... on AssetNode {
    assetPartitionStatuses {... on DefaultPartitionStatuses {materializedPartitions failedPartitions}}}}}"""


def test_lineage_shows_every_layer(screen: Screen) -> None:
    screen.graph()
    screen.sees(*LAYERS)
    screen.page.get_by_role("button", name="settings").last.click()
    screen.page.get_by_role("menuitem", name="Change graph to vertical orientation").click()
    screen.graph(expanded=LAYERS[1:4])  # with the models' layers too the names are too small to be drawn
    screen.sees(*LAYERS, *canonical_tables(), "report", "rfm", "rhythm")
    screen.picture("lineage")


def test_a_model_shows_its_metric_and_a_drawn_curve(screen: Screen) -> None:
    screen.open("/assets/model/churn?view=partitions&partition=ann")
    screen.sees("Materialized", "area under the ROC curve", "baseline", "auc", "recency_days")
    assert min(screen.widths(screen.opened("plots"), 1)) > 300
    screen.picture("materialisation")


def test_a_report_shows_kpis_three_drawn_distributions_and_its_days(screen: Screen) -> None:
    screen.open("/assets/validation/report?view=partitions&partition=ann")
    assert min(screen.widths(screen.opened("plots"), 4)) > 300
    screen.press("Close")
    kpis = screen.opened("KPIs")
    expect(kpis.get_by_text("average_spent_per_visit")).to_be_visible()
    expect(kpis.get_by_text("money a bill, returns left out")).to_be_visible()


def test_a_table_says_what_it_holds_and_whose_it_is(screen: Screen) -> None:
    bills = canonical_tables()["bills"]
    screen.open("/assets/validated/bills")
    screen.sees(bills.description, "data-platform", "Delta Lake", "layer: validated", "Row count")
    for column in bills.columns:
        screen.sees(column.name, column.description)


def test_a_table_that_a_customer_does_not_send_is_no_failure(screen: Screen) -> None:
    screen.open("/assets/validated/media?view=checks")
    screen.sees("Succeeded", "does not send media: tables.media is not in its customer file")


def test_the_failed_check_says_why(screen: Screen) -> None:
    screen.open("/assets/validation/report?view=checks")
    screen.sees("This is a blocking asset check", "Execution history")
    screen.tab("Partitions")
    screen.sees("Failed (1)", "Passed (2)")
    screen.text("bob").click()
    screen.sees("duplicate_share of 'bob' is", "set tables.line_items.drop_duplicates: true in customers/bob.yaml")
    screen.picture("failed_check")


def test_what_was_not_tried_says_why(screen: Screen) -> None:
    screen.open("/assets/model/churn?view=events&partition=bob")
    screen.sees("Partition bob observed", "blocked", "validation/report: duplicate_share of 'bob' is")


def test_backfill_of_two_customers(screen: Screen, served: Served, backfills: dict[str, str]) -> None:
    found = finished(served, backfills["validated/users"])
    assert found == {"status": "COMPLETED_SUCCESS", "targeted": 2, "materialised": 2, "failed": 0}
    screen.open("/runs?view=backfills")
    screen.sees(backfills["validated/users"], "validated / users", "2 partitions", "Success")


def test_backfill_with_a_blocked_customer_does_the_others(
    screen: Screen, served: Served, backfills: dict[str, str]
) -> None:
    found = finished(served, backfills["features/rfm"])
    assert found == {"status": "COMPLETED_FAILED", "targeted": 3, "materialised": 2, "failed": 1}
    answer = served.ask(PARTITIONS, path=["features", "rfm"])["assetNodeOrError"]["assetPartitionStatuses"]
    assert answer == {"materializedPartitions": ["ann", "cleo"], "failedPartitions": ["bob"]}
    screen.open(f"/runs/b/{backfills['features/rfm']}")
    screen.sees("features / rfm", "100% completed", "Failed")
    screen.picture("backfill")
    screen.open("/assets/features/rfm?view=partitions&partition=bob")
    screen.sees("Failed (1)", "Materialized (2)", "failed, and did not materialize this asset")


def finished(served: Served, backfill: str) -> dict[str, Any]:
    """How a backfill ended, and of how many customers."""

    def ended() -> Any:
        found = served.ask(STATUS, id=backfill)["partitionBackfillOrError"]
        return found if found["status"].startswith(("COMPLETED", "FAILED", "CANCELED")) else None

    found = until(ended, BACKFILL_SECONDS, f"backfill {backfill} has ended")
    counts = found["assetBackfillData"]["assetBackfillStatuses"][0]
    return {
        "status": found["status"],
        "targeted": counts["numPartitionsTargeted"],
        "materialised": counts["numPartitionsMaterialized"],
        "failed": counts["numPartitionsFailed"],
    }
