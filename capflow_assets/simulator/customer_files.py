"""The customer file that on-boards a simulated retailer."""

from __future__ import annotations

import json

from capflow_assets.simulator.layouts import LAYOUTS, Layout, TableLayout
from capflow_assets.simulator.retailer import Retailer


def customer_file(retailer: Retailer, kind: str, place: str) -> str:
    """Return the YAML text of the customer file, for data written as `kind` (csv, sqlite or parquet).

    `place` is the folder that `write` was given; it may hold a variable: "${CAPFLOW_HOME}/demo-data/stride".
    """
    layout = LAYOUTS[kind]
    lines = [
        f"# {retailer.name}: a simulated retailer. See capflow_assets/simulator.",
        f"name: {retailer.name}",
        f"vertical: {retailer.vertical}",
        f"currency: {retailer.currency}",
        f"timezone: {retailer.timezone}",
        "tier: silver",
        "engine: duckdb",
        "models: all",
        "sources:",
        *_sources(layout, kind, place),
        "tables:",
    ]
    for table, mapping in layout.tables.items():
        lines += _table(table, mapping, layout)
    return "\n".join(lines) + "\n"


def _sources(layout: Layout, kind: str, place: str) -> list[str]:
    if layout.database:
        return [f"  till: {{kind: {kind}, uri: {json.dumps(f'{place}/{layout.database}')}}}"]
    return [
        f"  {_source(mapping)}: {{kind: {kind}, uri: {json.dumps(f'{place}/{mapping.place}')}}}"
        for mapping in layout.tables.values()
    ]


def _source(mapping: TableLayout) -> str:
    """Return the name of a file source, from its files: sales for sales_*.csv."""
    return mapping.place.split(".")[0].removesuffix("_*")


def _table(table: str, mapping: TableLayout, layout: Layout) -> list[str]:
    lines = [f"  {table}:"]
    lines += (
        ["    source: till", f"    table: {mapping.place}"] if layout.database else [f"    source: {_source(mapping)}"]
    )
    lines.append("    columns:")
    lines += [f"      {name}: {_column(mapping, name)}" for name in mapping.columns]
    if mapping.attributes:
        lines.append(f"    attributes: [{', '.join(mapping.attributes.values())}]")
    if mapping.returns:
        lines.append(f"    returns: {mapping.returns}")
    return lines


def _column(mapping: TableLayout, name: str) -> str:
    target = mapping.columns[name]
    if isinstance(target, tuple):
        return f"[{', '.join(target)}]"
    if name in mapping.formats:
        return f"{{column: {target}, format: {json.dumps(mapping.formats[name])}}}"
    return target
