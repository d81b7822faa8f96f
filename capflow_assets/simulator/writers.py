"""Write simulated data the way retailers keep theirs: CSV exports, a SQL database, Parquet files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_assets.simulator.layouts import LAYOUTS, TableLayout
from capflow_assets.simulator.retailer import SimulatedData

if TYPE_CHECKING:
    import pandas as pd


def write_csv(world: SimulatedData, folder: Path) -> None:
    """Write export files to `folder`: sales by calendar quarter (sales_2026-Q1.csv), shoppers, products, mailings.

    A row that is an exact copy of an earlier one goes to a second file of its quarter: "sales_2026-Q1 (1).csv".
    """
    folder.mkdir(parents=True, exist_ok=True)
    for table, layout in LAYOUTS["csv"].tables.items():
        frame = source_frame(getattr(world, table), layout)
        if table != "line_items":
            frame.to_csv(folder / layout.place, index=False)
            continue
        names = _quarters(world.line_items) + _copies(world.line_items)
        for name, rows in frame.groupby(names):
            rows.to_csv(folder / layout.place.replace("*", str(name)), index=False)


def write_sqlite(world: SimulatedData, path: Path) -> None:
    """Write a database file: sale_line, member, product, outreach, with keys and indexes.

    The file appears when it is complete.
    """
    import contextlib
    import sqlite3

    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(unfinished)) as database:
        for table, layout in LAYOUTS["sqlite"].tables.items():
            frame = source_frame(getattr(world, table), layout)
            key = layout.columns[{"users": "user_id", "items": "item_id"}[table]] if table in ("users", "items") else ""
            columns = ", ".join(f"{name} {_sql_type(frame[name])}{_key(name == key)}" for name in frame)
            database.execute(f"CREATE TABLE {layout.place} ({columns})")
            places = ", ".join("?" * len(frame.columns))
            database.executemany(f"INSERT INTO {layout.place} VALUES ({places})", _sql_rows(frame))
        for table, column in (("sale_line", "rung_up_at"), ("sale_line", "member_no"), ("outreach", "member_no")):
            database.execute(f"CREATE INDEX {table}_by_{column} ON {table} ({column})")
        database.commit()
    unfinished.replace(path)


def write_parquet(world: SimulatedData, folder: Path) -> None:
    """Write Parquet files to `folder`: orders by year (orders_2026.parquet), clients, articles, messages."""
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    for table, layout in LAYOUTS["parquet"].tables.items():
        frame = source_frame(getattr(world, table), layout)
        if table != "line_items":
            frame.to_parquet(folder / layout.place, index=False)
            continue
        years = _quarters(world.line_items).str[:4] if len(frame) else pd.Series(dtype=str)
        for year, rows in frame.groupby(years):
            rows.to_parquet(folder / layout.place.replace("*", str(year)), index=False)


def write(world: SimulatedData, kind: str, folder: Path) -> None:
    """Write `world` in `folder` as a source of that kind (csv, sqlite or parquet); KeyError for another kind."""
    writers: dict[str, Callable[[SimulatedData, Path], None]] = {
        "csv": write_csv,
        "sqlite": lambda world, folder: write_sqlite(world, folder / str(LAYOUTS["sqlite"].database)),
        "parquet": write_parquet,
    }
    writers[kind](world, folder)


def source_frame(table: pd.DataFrame, layout: TableLayout) -> pd.DataFrame:
    """Return the canonical table with the source's columns, and text dates where the layout has a format."""
    import pandas as pd

    columns = {}
    for name, target in layout.columns.items():
        values = table[name]
        if name in layout.formats:
            values = _as_text(values, layout.formats[name])
        if isinstance(target, tuple):
            parts = values.str.split(" > ", n=1, expand=True)
            columns.update({target[0]: parts[0], target[1]: parts[1]})
        else:
            columns[target] = values
    columns.update({target: table[name] for name, target in layout.attributes.items()})
    return pd.DataFrame(columns)


def _as_text(values: pd.Series, pattern: str) -> pd.Series:
    """Return times in the source's own format; a text that is no time stays as it is."""
    import pandas as pd

    times = pd.to_datetime(values, errors="coerce", format=None if values.dtype.kind == "M" else "%Y-%m-%d %H:%M:%S")
    distinct = pd.Series(times.unique()).dropna()
    return times.map(dict(zip(distinct, distinct.dt.strftime(pattern), strict=True))).where(times.notna(), values)


def _quarters(lines: pd.DataFrame) -> pd.Series:
    """Return each line's quarter (2026-Q3); a line with an unreadable date is in the file of the line before it."""
    import pandas as pd

    times = pd.to_datetime(lines["ts"], errors="coerce", format=None if lines["ts"].dtype.kind == "M" else "ISO8601")
    times = times.ffill().bfill()
    return times.dt.year.astype(str) + "-Q" + times.dt.quarter.astype(str)


def _copies(lines: pd.DataFrame) -> pd.Series:
    """Return the suffix that a download gets when its name is taken, for lines that are copies of an earlier one."""
    return lines.duplicated().map({True: " (1)", False: ""})


def _sql_type(values: pd.Series) -> str:
    return {"f": "REAL", "i": "INTEGER", "b": "INTEGER"}.get(values.dtype.kind, "TEXT")


def _key(is_key: bool) -> str:
    return " PRIMARY KEY" if is_key else ""


def _sql_rows(frame: pd.DataFrame) -> zip[tuple[object, ...]]:
    """Return rows of plain Python values: times as ISO text, flags as 0 and 1, nothing as None."""
    columns = []
    for name in frame:
        values = frame[name]
        if values.dtype.kind == "M":
            values = _as_text(values, "%Y-%m-%d %H:%M:%S")
        elif values.dtype.kind == "b":
            values = values.astype(int)
        columns.append(values.astype(object).where(values.notna(), None).tolist())
    return zip(*columns, strict=True)
