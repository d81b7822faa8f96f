"""How far a table has been read: the highest watermark that was seen, and where the next read begins.

A watermark is a column of times, of whole or decimal numbers, or of ISO times written as text in one form, whose order
as text is their order in time.
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
FINEST = 26  # characters of 2024-01-31T12:00:00.000000


class WatermarkError(ValueError):
    """A column cannot serve as a watermark; the message is one clause."""


@dataclass(frozen=True)
class Watermark:
    """The highest watermark of a table: its value, and its kind (time, zoned, number or text).

    A text's `form` is how it is written, with 0 for each digit of the time.
    """

    kind: str
    value: Value
    form: str = ""

    def facts(self) -> dict[str, Any]:
        """As it is kept beside the table."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return {"kind": self.kind, "value": value} | ({"form": self.form} if self.form else {})

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any] | None) -> Watermark | None:
        """As it was kept; None when it is lost or not understood."""
        try:
            kind, value = (facts or {})["kind"], (facts or {})["value"]
            value = datetime.fromisoformat(value) if kind in ("time", "zoned") else value
            return cls(kind, value, (facts or {}).get("form", ""))
        except (KeyError, TypeError, ValueError):
            return None

    def follows(self, other: Watermark) -> bool:
        """Whether both can be compared; WatermarkError for text that is now written in another form."""
        if self.kind == other.kind == "text" and self.form != other.form:
            raise WatermarkError(f"its watermark was written like {other.form} and is now written like {self.form}")
        return self.kind == other.kind

    def begin(self, asked: Incremental) -> Value:
        """The lowest watermark of the next read: the highest one seen, less the lateness."""
        if isinstance(self.value, int | float):
            return self.value - type(self.value)(asked.lateness or 0)
        if isinstance(self.value, datetime):
            return _subtract_days(self.value, asked.lateness_days)
        return _format_like(_subtract_days(datetime.fromisoformat(self.value), asked.lateness_days), self.form)


def check_watermark_type(asked: Incremental, dtype: dt.DataType) -> str:
    """The kind of watermark that a column of this type is; WatermarkError when it can be none."""
    kind = _kind(dtype)
    if kind is None:
        raise WatermarkError(f"'{asked.watermark}' cannot be a watermark: it holds {dtype}, not times or numbers")
    if kind == "number" and asked.lateness is None:
        raise WatermarkError(f"the watermark '{asked.watermark}' holds numbers, which need a 'lateness' (0 for none)")
    if kind != "number" and asked.lateness is not None:
        raise WatermarkError(f"the watermark '{asked.watermark}' holds times, which take 'lateness_days'")
    return kind


def find_highest(asked: Incremental, rows: ibis.Table, timezone: str, now: datetime) -> Watermark | None:
    """The highest watermark of rows that were read; None where there are no rows.

    A time after `now` counts as `now`: a till with a wrong clock must not hide what is sold until then. WatermarkError
    for rows without a watermark, which would never be read again, and for text whose order is not that of time.
    """
    kind = check_watermark_type(asked, rows[WATERMARK].type())
    column = rows[WATERMARK].nullif("") if kind == "text" else rows[WATERMARK]
    forms = _text_form(column).collect(distinct=True) if kind == "text" else column.count()
    found = rows.aggregate(rows=rows.count(), filled=column.count(), highest=column.max(), forms=forms)
    one: dict[str, Any] = found.to_pyarrow().to_pylist()[0]
    if one["filled"] < one["rows"]:
        raise WatermarkError(
            f"{one['rows'] - one['filled']:,} of {one['rows']:,} rows have no '{asked.watermark}' and would never be "
            "read again"
        )
    if not one["rows"]:
        return None
    if kind == "text":
        return _text_watermark(asked, one["highest"], one["forms"], now, timezone)
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
    """A watermark as Python holds it; numbers lose nothing that matters: whole ones stay whole."""
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
    # Nobody says whether a time without a zone is the customer's or UTC: the earlier of both loses nothing.
    local, utc = (now.astimezone(zone).replace(tzinfo=None) for zone in (ZoneInfo(timezone), UTC))
    return min(value, local, utc)


def _subtract_days(moment: datetime, days: float) -> datetime:
    try:
        return moment - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=moment.tzinfo)


def _text_form(column: ibis.Value) -> ibis.Value:
    """How each text is written: 0 for a digit of the time, and the offset as it is, or ? for what is no ISO time."""
    import ibis

    moment, offset = column.re_extract(DATE_TEXT, 0), column.re_extract(OFFSET_TEXT, 1)
    whole = moment.concat(offset) == column
    return ibis.ifelse(whole, moment.re_replace(r"\d", "0").concat(offset), "?")


def _text_watermark(asked: Incremental, value: str, forms: list[str], now: datetime, timezone: str) -> Watermark:
    if len(forms) > 1 or not re.fullmatch(FORM, forms[0]):
        what = "no ISO times (year first)" if "?" in forms else f"times in several forms ({', '.join(sorted(forms))})"
        raise WatermarkError(f"'{asked.watermark}' is text and holds {what}: its order is not that of time")
    moment = datetime.fromisoformat(value[:FINEST] if len(value) > FINEST and "." in value else value)
    capped = _cap_at_now(moment, now, timezone)
    assert isinstance(capped, datetime)
    return Watermark("text", value if capped == moment else _format_like(capped, forms[0]), forms[0])


def _format_like(moment: datetime, form: str) -> str:
    """A moment in the same form as the source's texts, cut off and never rounded up."""
    offset = re.search(OFFSET_TEXT, form)
    shown = form[: offset.start()] if offset else form
    if offset and moment.tzinfo:
        moment = moment.astimezone(datetime.fromisoformat(f"2000-01-01T00:00:00{offset[0]}").tzinfo)
    separator = shown[10:11] or "T"
    text = f"{moment:%Y-%m-%d}{separator}{moment:%H:%M:%S.%f}"
    return text[: len(shown)].ljust(len(shown), "0") + (offset[0] if offset else "")
