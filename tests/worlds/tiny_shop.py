"""One customer with a handful of rows, as bad as a test wants them, taken through CapFlow's steps without Dagster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from capflow_assets.contract.outcome import Outcome
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_resources.home import Home

START = datetime(2026, 1, 1, 12)
COLUMNS = {
    "line_items": {"bill_id": "Bill", "user_id": "Client", "item_id": "Item", "ts": "At", "quantity": "Qty",
                   "unit_price": "Price"},
    "items": {"item_id": "Item", "description": "Text", "category": "Category"},
    "contacts": {"user_id": "Client", "campaign_id": "Campaign", "treated": "Treated"},
}  # fmt: skip

Rows = Mapping[str, Sequence[Any]]


def lines(users: int = 30, visits: int = 8, every_days: int = 25, **changed: Any) -> dict[str, list[Any]]:
    """Two lines a visit of each user; `changed` replaces a column by one value on all rows, or by a list."""
    found: dict[str, list[Any]] = {name: [] for name in COLUMNS["line_items"].values()}
    for user in range(users):
        for visit in range(visits):
            for item in range(2):
                row = {
                    "Bill": f"b{user}-{visit}",
                    "Client": f"u{user}",
                    "Item": f"i{(user + visit + item) % 7}",
                    "At": START + timedelta(days=visit * every_days + user % 11, minutes=user),
                    "Qty": 1.0,
                    "Price": 2.5 + item,
                }
                for name, value in row.items():
                    found[name].append(value)
    count = len(found["Bill"])
    for name, value in changed.items():
        found[name] = list(value) if isinstance(value, list | range) else [value] * count
    return found


class TinyShop:
    """A customer called acme; what it sends is replaced by `sends`, its file by `is_asked_for`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / "home")
        self.home.customers_folder.mkdir(parents=True)
        self.tables: dict[str, list[str]] = {}
        self.more: dict[str, str] = {}
        self.said = {"thresholds": "{}", "models": "all"}

    def sends(self, table: str, rows: Rows) -> TinyShop:
        """Replace one table's Parquet file, and map those of its columns that have CapFlow's names for them."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrays = {name: pa.array(list(values)) for name, values in rows.items()}
        text = {name: array.cast("string") for name, array in arrays.items() if pa.types.is_null(array.type)}
        pq.write_table(pa.table({**arrays, **text}), self.folder / f"{table}.parquet")
        self.tables[table] = list(rows)
        self.write_file()
        return self

    def write_file(self, thresholds: str = "", models: str = "", **more: str) -> TinyShop:
        """Write the customer file; `more` are further lines of a table, like line_items="drop_items: [POST]"."""
        self.more |= more
        self.said |= {name: text for name, text in (("thresholds", thresholds), ("models", models)) if text}
        text = [
            "name: acme", "vertical: gifts", "currency: GBP", "timezone: UTC",
            *(f"{name}: {text}" for name, text in self.said.items()),
            "sources:",
            *(f'  {name}: {{kind: parquet, uri: "{self.folder}/{name}.parquet"}}' for name in self.tables), "tables:",
        ]  # fmt: skip
        for table, sent in self.tables.items():
            mapped = {ours: theirs for ours, theirs in COLUMNS[table].items() if theirs in sent}
            columns = ", ".join(f"{ours}: {theirs}" for ours, theirs in mapped.items())
            text += [f"  {table}:", f"    source: {table}", f"    columns: {{{columns}}}"]
            text += [f"    {self.more[table]}"] if table in self.more else []
        (self.home.customers_folder / "acme.yaml").write_text("\n".join(text) + "\n", encoding="utf-8")
        return self

    def run(self, assets: Iterable[str]) -> dict[str, Outcome]:
        """Make these assets; what came of each."""
        run = self.open()
        try:
            return {outcome.asset: outcome for outcome in run_customer(run, assets)}
        finally:
            run.close()

    def open(self) -> CustomerRun:
        """The customer's run, to read its tables by."""
        return CustomerRun(self.home, "acme")

    def rows(self, asset: str) -> list[dict[str, Any]]:
        """The rows of a table of the lake, in the order of their values; [] where there is none."""
        run = self.open()
        try:
            found = run.read(asset).to_pyarrow().to_pylist() if run.version(asset) else []
            return sorted(found, key=repr)
        finally:
            run.close()
