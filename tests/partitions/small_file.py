"""The smallest customer file, to which a test adds the section that it is about."""

from __future__ import annotations

from pathlib import Path

CUSTOMER = """name: acme
vertical: gifts
currency: GBP
timezone: UTC
sources: {sales: {kind: csv, uri: /sales.csv}}
tables: {line_items: {source: sales, columns: {item_id: a, unit_price: b}}}
"""


def customer_file(folder: Path, section: str) -> Path:
    """acme.yaml in `folder`, with `section` from its seventh line on."""
    path = folder / "acme.yaml"
    path.write_text(CUSTOMER + section)
    return path
