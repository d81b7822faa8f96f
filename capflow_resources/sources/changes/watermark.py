"""Watermarks: how far a table has been read, and where the next read begins.

A watermark is a column of times, of whole or decimal numbers, or of ISO times as text in a single format, whose text
order is their order in time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from capflow_resources.sources.columns import WATERMARK
from partitions.customer import Incremental

if TYPE_CHECKING:
    import ibis
    import ibis.expr.datatypes as dt

Value = datetime | int | float | str

DATE_TEXT = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?"
OFFSET_TEXT = r"(Z|[+-]\d{2}:\d{2})$"
FORM = r"0000-00-00([ T]00:00(:00(\.0+)?)?(Z|[+-]\d\d:\d\d)?)?"
MICROSECOND_LENGTH = 26  # characters of 2024-01-31T12:00:00.000000


class WatermarkError(ValueError):
    """A column cannot serve as a watermark; the message is one clause."""


@dataclass(frozen=True)
class Watermark:
    """The highest watermark of a table: its value, and its kind (time, zoned, number or text).

    `form` is the format of a text, with 0 for each digit of the time.
    """

    kind: str
    value: Value
    form: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the watermark as it is stored beside the table."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return {"kind": self.kind, "value": value} | ({"form": self.form} if self.form else {})

    @classmethod
    def from_json(cls, facts: Mapping[str, Any] | None) -> Watermark | None:
        """Read what `to_json` stored; None if it is missing or malformed."""
        try:
            kind, value = (facts or {})["kind"], (facts or {})["value"]
            value = datetime.fromisoformat(value) if kind in ("time", "zoned") else value
            return cls(kind, value, (facts or {}).get("form", ""))
        except (KeyError, TypeError, ValueError):
            return None

    def is_comparable_to(self, other: Watermark) -> bool:
        """Return whether both can be compared; raises WatermarkError for text in another format than before."""
        if self.kind == other.kind == "text" and self.form != other.form:
            raise WatermarkError(f"its watermark was written like {other.form} and is now written like {self.form}")
        return self.kind == other.kind

    def lower_bound(self, incremental: Incremental) -> Value:
        """Return the lower bound of the next read: the highest watermark, less the lateness."""
        if isinstance(self.value, int | float):
            return self.value - type(self.value)(incremental.lateness or 0)
        if isinstance(self.value, datetime):
            return _subtract_days(self.value, incremental.lateness_days)
        return _format_like(_subtract_days(datetime.fromisoformat(self.value), incremental.lateness_days), self.form)


def check_watermark_type(incremental: Incremental, dtype: dt.DataType) -> str:
    """Return the kind of watermark that a column of this type is; raises WatermarkError if it cannot be one."""
    kind = _kind(dtype)
    if kind is None:
        raise WatermarkError(f"'{incremental.watermark}' cannot be a watermark: it holds {dtype}, not times or numbers")
    if kind == "number" and incremental.lateness is None:
        raise WatermarkError(
            f"the watermark '{incremental.watermark}' holds numbers, which need a 'lateness' (0 for none)"
        )
    if kind != "number" and incremental.lateness is not None:
        raise WatermarkError(f"the watermark '{incremental.watermark}' holds times, which take 'lateness_days'")
    return kind


def find_highest(incremental: Incremental, rows: ibis.Table, timezone: str, now: datetime) -> Watermark | None:
    """Return the highest watermark of the rows that were read; None if there are no rows.

    A time after `now` counts as `now`: a till with a wrong clock must not hide what is sold until then. Raises
    WatermarkError for rows without a watermark, which would never be read again, and for text not sorted by time.
    """
    kind = check_watermark_type(incremental, rows[WATERMARK].type())
    column = rows[WATERMARK].nullif("") if kind == "text" else rows[WATERMARK]
    forms = _text_form(column).collect(distinct=True) if kind == "text" else column.count()
    found = rows.aggregate(rows=rows.count(), filled=column.count(), highest=column.max(), forms=forms)
    one: dict[str, Any] = found.to_pyarrow().to_pylist()[0]
    if one["filled"] < one["rows"]:
        raise WatermarkError(
            f"{one['rows'] - one['filled']:,} of {one['rows']:,} rows have no '{incremental.watermark}' and would "
            "never be read again"
        )
    if not one["rows"]:
        return None
    if kind == "text":
        return _text_watermark(incremental, one["highest"], one["forms"], now, timezone)
    return Watermark(kind, _cap_at_now(_to_python(one["highest"]), now, timezone))


def _kind(dtype: dt.DataType) -> str | None:
    if dtype.is_timestamp():
        return "zoned" if dtype.timezone else "time"
    if dtype.is_date():
        return "time"
    if dtype.is_numeric() and not dtype.is_boolean():
        return "number"
    return "text" if dtype.is_string() else None


def _to_python(value: Any) -> datetime | int | float:
    """Return a watermark as a Python value; whole numbers stay whole."""
    if isinstance(value, datetime | int | float):
        return value
    if hasattr(value, "as_integer_ratio"):  # a decimal
        return int(value) if value == value.to_integral_value() else float(value)
    return datetime.combine(value, time())


def _cap_at_now(value: datetime | int | float, now: datetime, timezone: str) -> datetime | int | float:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is not None:
        return min(value, now.astimezone(UTC))
    # A time without a zone may be the customer's or UTC: the earlier of both loses nothing.
    local, utc = (now.astimezone(zone).replace(tzinfo=None) for zone in (ZoneInfo(timezone), UTC))
    return min(value, local, utc)


def _subtract_days(moment: datetime, days: float) -> datetime:
    try:
        return moment - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=moment.tzinfo)


def _text_form(column: ibis.Value) -> ibis.Value:
    """Return each text's format: 0 for a digit of the time, the offset as it is, or ? if it is no ISO time."""
    import ibis

    moment, offset = column.re_extract(DATE_TEXT, 0), column.re_extract(OFFSET_TEXT, 1)
    whole = moment.concat(offset) == column
    return ibis.ifelse(whole, moment.re_replace(r"\d", "0").concat(offset), "?")


def _text_watermark(incremental: Incremental, value: str, forms: list[str], now: datetime, timezone: str) -> Watermark:
    if len(forms) > 1 or not re.fullmatch(FORM, forms[0]):
        what = "no ISO times (year first)" if "?" in forms else f"times in several forms ({', '.join(sorted(forms))})"
        raise WatermarkError(f"'{incremental.watermark}' is text and holds {what}: its order is not that of time")
    moment = datetime.fromisoformat(
        value[:MICROSECOND_LENGTH] if len(value) > MICROSECOND_LENGTH and "." in value else value
    )
    capped = _cap_at_now(moment, now, timezone)
    assert isinstance(capped, datetime)
    return Watermark("text", value if capped == moment else _format_like(capped, forms[0]), forms[0])


def _format_like(moment: datetime, form: str) -> str:
    """Format a moment like the source's texts, truncated and never rounded up."""
    offset = re.search(OFFSET_TEXT, form)
    date_form = form[: offset.start()] if offset else form
    if offset and moment.tzinfo:
        moment = moment.astimezone(datetime.fromisoformat(f"2000-01-01T00:00:00{offset[0]}").tzinfo)
    separator = date_form[10:11] or "T"
    text = f"{moment:%Y-%m-%d}{separator}{moment:%H:%M:%S.%f}"
    return text[: len(date_form)].ljust(len(date_form), "0") + (offset[0] if offset else "")
