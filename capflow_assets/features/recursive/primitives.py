"""The primitives: aggregations of many values and transformations of one, as Ibis expressions and in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from capflow_assets.features.recursive.relationships import Kind
from capflow_assets.features.visits import day_number, day_number_of

if TYPE_CHECKING:
    import ibis

SATURDAY = 5
THURSDAY = 3  # 1970-01-01, day number 0
NOTHING = 1e-12


@dataclass(frozen=True)
class Operand:
    """The values to aggregate: their scale, and when each was (day number, first, last)."""

    value: ibis.Value
    scale: int = 1
    day: ibis.Value | None = None
    first: ibis.Value | None = None
    last: ibis.Value | None = None

    @property
    def whole(self) -> ibis.Value:
        """The value in whole multiples of 1 / scale: sums of them depend on neither row order nor engine."""
        return self.value.cast("int64") if self.scale == 1 else (self.value * self.scale).round().cast("int64")

    @property
    def square(self) -> ibis.Value:
        """The square of `whole`, exact: of 19 digits it has 38, more than 64 bits hold."""
        wide = self.whole.cast("decimal(19, 0)")
        return (wide * wide).cast("decimal(38, 0)")

    @property
    def number(self) -> ibis.Value:
        """The value as a double."""
        return self.value.cast("float64")


@dataclass(frozen=True)
class Aggregation:
    """Many values to one. `told` describes it for a column's rows, `told_nested` for a feature of those rows.

    `exact`: the result is as whole as its operand is; `takes_unit`: it has the operand's unit. `stacks`: it may be
    taken of aggregates. `within`: aggregates may be taken of it. `moments`: it needs rows that differ in
    time. `empty`: its value where there are no rows.
    """

    takes: Kind | None
    express: Callable[[Operand], ibis.Value]
    told: str
    told_nested: str = ""
    dtype: str = "float64"
    exact: bool = False
    takes_unit: bool = True
    stacks: bool = False
    within: bool = False
    moments: bool = False
    adds_up: bool = False
    empty: int | None = None


@dataclass(frozen=True)
class Transformation:
    """One value to another: `prefix` begins its name, `whole`: a whole number, `of_features`: applies to aggregates."""

    prefix: str
    takes: Kind
    gives: Kind
    express: Callable[[ibis.Value, datetime], ibis.Value]
    word: str
    words: str
    whole: bool = True
    of_features: bool = False


def _mean(x: Operand) -> ibis.Value:
    return x.whole.sum() / (x.value.count() * x.scale).nullif(0)


def _std(x: Operand) -> ibis.Value:
    """Return the sample standard deviation from exact sums; below a millionth of the values it is rounding, so 0."""
    import ibis

    count, total = x.value.count().cast("float64"), x.whole.sum().cast("float64")
    squares = count * x.square.sum().cast("float64")
    spread = squares - total * total
    spread = ibis.ifelse(spread > NOTHING * squares, spread, 0.0)
    return (spread / (count * (count - 1.0)).nullif(0.0)).sqrt() / x.scale


def _share(x: Operand) -> ibis.Value:
    return x.value.cast("int64").sum() / x.value.count().nullif(0)


def _trend(x: Operand) -> ibis.Value:
    """Return the slope of the least-squares line through values by day, from whole sums; null if all are of one day."""
    assert x.day is not None
    known = x.value.notnull()
    day = x.day
    count = x.value.count()
    days, squares = day.sum(where=known), (day * day).sum(where=known)
    above = count.cast("float64") * (day * x.whole).sum().cast("float64") - days.cast("float64") * x.whole.sum()
    spread = count * squares - days * days
    return above / (spread.cast("float64") * x.scale).nullif(0)


AGGREGATIONS: Mapping[str, Aggregation] = {
    "count": Aggregation(
        None,
        lambda x: x.value.count(),
        "the number of {rows}",
        dtype="int64",
        exact=True,
        takes_unit=False,
        empty=0,
        within=True,
    ),
    "sum": Aggregation(
        "number",
        lambda x: x.whole.sum() / x.scale,
        "the sum of {words} of {rows}",
        exact=True,
        adds_up=True,
        empty=0,
        within=True,
    ),
    "mean": Aggregation(
        "number", _mean, "the average {word} of {rows}", "the average, over {rows}, of {what}", stacks=True, within=True
    ),
    "min": Aggregation(
        "number",
        lambda x: x.value.min(),
        "the smallest {word} of {rows}",
        "the smallest, over {rows}, of {what}",
        exact=True,
        stacks=True,
    ),
    "max": Aggregation(
        "number",
        lambda x: x.value.max(),
        "the largest {word} of {rows}",
        "the largest, over {rows}, of {what}",
        exact=True,
        stacks=True,
        within=True,
    ),
    "std": Aggregation(
        "number",
        _std,
        "the standard deviation of {words} of {rows}",
        "the standard deviation, over {rows}, of {what}",
        stacks=True,
    ),
    "median": Aggregation("number", lambda x: x.number.median(), "the median {word} of {rows}"),
    "distinct_count": Aggregation(
        "label",
        lambda x: x.value.nunique(),
        "the number of different {words} of {rows}",
        dtype="int64",
        exact=True,
        takes_unit=False,
        empty=0,
        within=True,
    ),
    "share": Aggregation("truth", _share, "the share of {rows} {words}", within=True),
    "trend": Aggregation(
        "number",
        _trend,
        "the change a day in the {word} of {rows}",
        "the change a day, over {rows}, in {what}",
        stacks=True,
        moments=True,
    ),
    "first": Aggregation(
        "number",
        lambda x: x.value.max(where=x.first),
        "the {word} of the first of {rows}",
        exact=True,
        moments=True,
    ),
    "last": Aggregation(
        "number",
        lambda x: x.value.max(where=x.last),
        "the {word} of the last of {rows}",
        "what the last of {rows} has as {what}",
        exact=True,
        stacks=True,
        moments=True,
    ),
}


def _weekday(value: ibis.Value) -> ibis.Value:
    return (day_number(value) + THURSDAY) % 7


def _log1p(value: ibis.Value, as_of: datetime) -> ibis.Value:
    import ibis

    return (ibis.ifelse(value >= 0, value, ibis.null(value.type())).cast("float64") + 1.0).ln()


def _number(value: ibis.Value, as_of: datetime) -> ibis.Value:
    from capflow_assets.validated.cleaning.values import number

    return number(value)


TRANSFORMS: Mapping[str, Transformation] = {
    "days_since": Transformation(
        "days_since_",
        "time",
        "number",
        lambda value, as_of: day_number_of(as_of) - day_number(value),
        "number of days since the {word}",
        "numbers of days since the {word}",
    ),
    "hour": Transformation(
        "hour_of_", "time", "number", lambda value, as_of: value.hour(), "hour of the {word}", "hours"
    ),
    "weekday": Transformation(
        "weekday_of_", "time", "label", lambda value, as_of: _weekday(value), "weekday of the {word}", "weekdays"
    ),
    "weekend": Transformation(
        "weekend_of_", "time", "truth", lambda value, as_of: _weekday(value) >= SATURDAY, "", "that were on a weekend"
    ),
    "known": Transformation("known_", "time", "truth", lambda value, as_of: value.notnull(), "", "with an {word}"),
    "number": Transformation(
        "number_in_", "label", "number", _number, "{word} as a number", "{words} as numbers", whole=False
    ),
    "log1p": Transformation(
        "log1p_of_", "number", "number", _log1p, "the logarithm of 1 plus {what}", "", whole=False, of_features=True
    ),
}
