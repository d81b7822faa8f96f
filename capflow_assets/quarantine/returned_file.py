"""The file that an analyst gives back: its rows matched with the quarantine, typed and compared."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

from capflow_assets.quarantine.held_rows import QuarantineError
from capflow_assets.validated.cleaning.times import utc
from capflow_assets.validated.cleaning.values import flag, number, text, whole
from capflow_assets.validated.identity import ROW_ID
from partitions.hints import did_you_mean

if TYPE_CHECKING:
    import ibis
    from ibis.backends.duckdb import Backend

FORMATS = (".csv", ".parquet")
FIXED = (ROW_ID, "reason")


def read_returned(con: Backend, held: ibis.Table, path: Path) -> ibis.Table:
    """Read a .csv or .parquet file in the columns of quarantine; `changed` names the corrected columns of each row.

    `changed` is ",a,b,", or "," when nothing was corrected. Columns that the file lacks stay as they were. Raises
    QuarantineError for a row that is not in quarantine, or not so many times, and for a value that cannot be read.
    """
    sent = _read_file(con, path)
    _refuse_columns(sent, held, path)
    sent, known = _number_rows(sent.mutate(**{ROW_ID: text(sent[ROW_ID])})), _number_rows(held)
    _refuse_strangers(sent, known, path)
    names = [name for name in held.columns if name in sent.columns and name not in FIXED]
    sent = sent.select(**{f"sent_{name}": sent[name] for name in (*names, ROW_ID, "copy_")})
    pairs = [known[ROW_ID] == sent[f"sent_{ROW_ID}"], known["copy_"] == sent["sent_copy_"]]
    joined = known.inner_join(sent, pairs)
    _refuse_unreadable(joined, names, path)
    return _mark_changes(joined, names, held.columns)


def _read_file(con: Backend, path: Path) -> ibis.Table:
    """Read the file's rows; CSV as text, so that no id loses its zeros."""
    if path.suffix not in FORMATS:
        raise QuarantineError(f"{path}: the name must end in {' or '.join(FORMATS)}")
    if not path.is_file():
        raise QuarantineError(f"there is no file {path}: write one with --out, correct its rows, and give that back")
    try:
        if path.suffix == ".csv":
            return con.read_csv(str(path), all_varchar=True, header=True)
        return con.read_parquet(str(path))
    except Exception as error:
        raise QuarantineError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from None


def _refuse_columns(sent: ibis.Table, held: ibis.Table, path: Path) -> None:
    if ROW_ID not in sent.columns:
        raise QuarantineError(f"{path} has no column {ROW_ID}, which tells which rows it gives back: keep it")
    for name in sent.columns:
        if name not in held.columns:
            raise QuarantineError(f"{path}: quarantine has no column '{name}'{did_you_mean(name, held.columns)}")


def _number_rows(rows: ibis.Table) -> ibis.Table:
    """Number the rows of each row_id; they are identical and interchangeable."""
    import ibis

    order = [rows[name].asc(nulls_first=True) for name in rows.columns]
    return rows.mutate(copy_=ibis.row_number().over(group_by=ROW_ID, order_by=order))


def _refuse_strangers(sent: ibis.Table, known: ibis.Table, path: Path) -> None:
    lost = sent.anti_join(known, [ROW_ID, "copy_"])
    count = int(lost.count().to_pyarrow().as_py())
    if count:
        first = lost.order_by(ROW_ID).limit(1).to_pyarrow().to_pylist()[0][ROW_ID]
        raise QuarantineError(
            f"{path}: {count:,} of its rows do not lie in quarantine (the first has {ROW_ID} {first or 'empty'}): they "
            "were given back already, or the source sends them no more. Export again; nothing was given back"
        )


def _refuse_unreadable(joined: ibis.Table, names: Sequence[str], path: Path) -> None:
    """Raise QuarantineError for an unreadable value, which would silently become null."""
    for name in names:
        written = text(joined[f"sent_{name}"])
        wrong = joined.filter(written.notnull() & _to_column_type(joined, name).isnull())
        found = wrong.select(value=text(wrong[f"sent_{name}"])).order_by("value").limit(1).to_pyarrow().to_pylist()
        if found:
            problem = f"{name} '{found[0]['value']}' cannot be read as {joined[name].type()}"
            raise QuarantineError(f"{path}: {problem}; nothing was given back")


def _to_column_type(joined: ibis.Table, name: str) -> ibis.Value:
    """Convert the file's values of a column to the column's type; times are in UTC, as in quarantine."""
    kind, value = joined[name].type(), joined[f"sent_{name}"]
    if kind.is_timestamp():
        return utc(value, None, "UTC").cast(kind)
    read = number if kind.is_floating() else whole if kind.is_integer() else flag if kind.is_boolean() else text
    return read(value).cast(kind)


def _mark_changes(joined: ibis.Table, names: Sequence[str], columns: Sequence[str]) -> ibis.Table:
    import ibis

    values = {name: _to_column_type(joined, name) if name in names else joined[name] for name in columns}
    differs = (ibis.ifelse(joined[name].identical_to(values[name]), "", f"{name},") for name in names)
    return joined.select(**values, changed=reduce(add, differs, ibis.literal(",")))
