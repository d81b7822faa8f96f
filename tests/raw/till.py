"""A till whose bills can be added to, restated and taken away, and what CapFlow's raw table holds of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from capflow_assets.contract.outcome import Outcome
from capflow_assets.raw import asset as raw
from capflow_assets.raw.source_rows import source_rows
from capflow_assets.run.customer_run import CustomerRun
from capflow_resources.home import Home

START = datetime(2026, 1, 1)
ASSET = "raw/line_items"
FILE = """
name: acme
vertical: gifts
currency: GBP
timezone: Europe/London
sources: {{sales: {{kind: {kind}, uri: "{uri}"}}}}
tables:
  line_items:
    source: sales
    columns: {{bill_id: Bill, item_id: Item, unit_price: Price}}
{more}
"""

Row = tuple[str, str, float, Any]


def day(number: float) -> datetime:
    """A moment so many days after the first of January 2026."""
    return START + timedelta(days=number)


class Till:
    """One customer with one file of bill lines (Bill, Item, Price, Changed) and its raw table."""

    def __init__(self, folder: Path, incremental: str = "", kind: str = "parquet") -> None:
        self.folder, self.kind, self.incremental = folder, kind, incremental
        self.path = folder / f"sales.{kind}"
        self.home = Home(folder / "home")
        self.home.customers_folder.mkdir(parents=True)
        self.change_file(incremental)

    def change_file(self, incremental: str, **changed: str) -> None:
        """Write the customer file anew."""
        more = f"    incremental: {incremental}" if incremental else ""
        text = FILE.format(kind=self.kind, uri=changed.pop("uri", self.path), more=more)
        for old, new in changed.items():
            text = text.replace(old, new)
        (self.home.customers_folder / "acme.yaml").write_text(text)

    def sends(self, rows: Sequence[Row], **changed: Any) -> None:
        """Replace the till's file; `changed` are columns with other values or names (None leaves one out)."""
        import pandas as pd

        columns = dict(zip(("Bill", "Item", "Price", "Changed"), map(list, zip(*rows, strict=True)), strict=True))
        columns = {name: values for name, values in {**columns, **changed}.items() if values is not None}
        frame = pd.DataFrame(columns)
        if self.kind == "csv":
            frame.to_csv(self.path, index=False)
        else:
            frame.to_parquet(self.path)

    def load(self, force: bool = False) -> Outcome:
        """One reading of the till."""
        run = CustomerRun(self.home, "acme", force=force)
        try:
            return raw.load(run, ASSET)
        finally:
            run.close()

    def stored(self) -> list[tuple[Any, ...]]:
        """The raw table's rows, without CapFlow's own column."""
        run = CustomerRun(self.home, "acme")
        try:
            return sorted(
                (tuple(row.values()) for row in source_rows(run, "line_items").to_pyarrow().to_pylist()), key=repr
            )
        finally:
            run.close()

    def facts(self) -> dict[str, Any]:
        """What was noted with the newest version."""
        version = self.home.lake.version("acme", ASSET)
        assert version is not None
        return dict(version.facts)


def read_whole(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """What a full reading of these rows would store."""
    return sorted((row[:3] for row in rows), key=repr)
