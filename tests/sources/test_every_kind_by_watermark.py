"""Every kind of source can be read by a watermark: the same rows in the same types, and no more than asked for."""

import json

import pytest

from capflow_assets.raw import asset as raw
from capflow_resources.home import Home
from tests.sources.writers import JOINED

ASSET = "raw/line_items"
FILE = """
name: acme
vertical: gifts
currency: GBP
timezone: Europe/London
sources: {{sales: {{kind: {kind}, uri: {uri}, options: {options}}}}}
tables:
  line_items:
    source: sales
    {table}
    columns: {{bill_id: Bill, item_id: Item, quantity: Qty, unit_price: Price}}
    incremental: {incremental}
"""
ROWS = {
    "Bill": [f"b{number}" for number in range(10)],
    "Item": ["tea", "mug"] * 5,
    "Qty": [1, 2] * 5,
    "Price": [1.5, 2.0, None, 2.25, 9.0] * 2,
    "Changed": [f"2026-01-{number + 1:02}T10:00:00" for number in range(10)],
    "Number": list(range(10)),
}


def cases():
    """Yield times for every kind, as text where it has no other type, and numbers for kinds behind a server."""
    for name, joined in sorted(JOINED.items()):
        yield name, "times as text" if joined.types[0] == "string" else "times"
        if joined.server and joined.types[0] != "string":
            yield name, "numbers"


@pytest.mark.parametrize(("name", "watermark"), cases())
def test_a_second_reading_brings_the_window_and_finds_it_unchanged(name, watermark, request, tmp_path):
    import pandas as pd

    joined = JOINED[name]
    rows = pd.DataFrame(ROWS)
    if watermark == "times":
        rows["Changed"] = pd.to_datetime(rows["Changed"])
    server = request.getfixturevalue(joined.server) if joined.server else None
    kept = joined.write(tmp_path, f"sale_{watermark.replace(' ', '_')}", rows, server)
    home = Home(tmp_path / "home")
    home.customers_folder.mkdir(parents=True)
    by_number, by_time = "{watermark: Number, lateness: 3}", "{watermark: Changed, lateness_days: 3, key: [bill_id]}"
    text = FILE.format(
        kind=joined.kind,
        uri=json.dumps(kept.uri),
        options=json.dumps(dict(kept.options)),
        table="\n    ".join(f"{key}: {json.dumps(value)}" for key, value in kept.table.items()),
        incremental=by_number if watermark == "numbers" else by_time,
    )
    (home.customers_folder / "acme.yaml").write_text(text)

    def load():
        run = raw.CustomerRun(home, "acme")
        try:
            return raw.load(run, ASSET)
        finally:
            run.close()

    first = load()
    assert (first.status, first.facts["mode"], first.facts["rows"]) == ("done", "full", 10)
    run = raw.CustomerRun(home, "acme")
    run.write(ASSET, run.read(ASSET).cache(), {**run.version(ASSET).facts, "fingerprint": "as if it had changed"})
    run.close()
    again = load()
    assert (again.status, again.facts["rows_read"], again.facts["rows"]) == ("reused", 4, 10), again
