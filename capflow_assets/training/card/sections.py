"""A card in sections of plain text, ready for any format: Markdown and HTML only set them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from capflow_assets.contract.model import Task
from capflow_assets.training.card.card import Card
from capflow_assets.training.card.formatting import (
    MEAN_OUTCOME,
    MEANING,
    SHARES,
    count_words,
    format_amount,
    format_gain,
    format_interval,
    format_metric,
    format_share,
    format_value,
    unit_noun,
    unit_words,
)
from capflow_assets.training.card.record import Rows, Slice

NOT_KEPT = (
    "How it did on its test date, unit by unit, was not kept for this version: it is older than cards. "
    "Train it again with capflow run --force."
)


@dataclass(frozen=True)
class CardTable:
    """Rows of texts under a head; the columns whose index is in `numbers` are right-aligned numbers."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Section:
    """One heading with its content; with `picture` the curves follow.

    The brief card shows at most `brief` rows and items of it, and leaves it out if 0.
    """

    key: str
    title: str
    texts: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[CardTable, ...] = ()
    items: tuple[str, ...] = ()
    brief: int = 0
    picture: bool = False


def title(card: Card) -> str:
    """Return the heading of the card."""
    return f"{card.title}: {card.customer}, version {card.version}"


def last_decision(card: Card) -> str:
    """Return the reason of the last decision."""
    return next((event.reason for event in reversed(card.history)), "nothing was decided yet")


def build_sections(card: Card) -> list[Section]:
    """Build the sections in the order in which an analyst needs them, without empty ones."""
    return [
        section
        for section in (
            _identity(card), _quality(card), _limits(card), _outcome(card), _groups(card), _reasons(card), _data(card),
            _columns(card), _training(card), _settings(card), _history(card),
        )
        if section.texts or section.facts or section.items or any(table.rows for table in section.tables)
    ]  # fmt: skip


def _identity(card: Card) -> Section:
    facts = (
        ("model", card.model),
        ("customer", card.customer),
        ("version", f"{card.version} ({card.digest[:12]})"),
        ("kind of model", card.rung),
        ("predicts for", unit_words(card.unit)),
        *((("looks ahead", count_words(card.horizon_days, "day")),) if card.learns_from == "time" else ()),
        ("trained at", f"{card.created_at.replace('T', ' ')} UTC"),
        ("owner", card.owner),
    )
    return Section("is", "What it is", (card.description, f"Method: {card.method}."), facts)


def _quality(card: Card) -> Section:
    measured, units = card.metric, unit_words(card.unit)
    baseline, champion = measured.baseline, measured.champion
    rows = [
        ("this version", format_metric(measured.value), format_interval(measured.low, measured.high), ""),
        (f"baseline: {baseline.name}", format_metric(baseline.value), "", format_gain(baseline.gain)),
    ]
    if champion is not None:
        number = "" if champion.version is None else f", version {champion.version}"
        rows.append((f"champion then{number}", format_metric(champion.value), "", format_gain(champion.gain)))
    meaning = MEANING.get(measured.name)
    text = f"Measured by {measured.title}. {meaning}" if meaning else f"Measured by {measured.title}."
    caption = f"On the same {measured.units:,} {units}, as of {measured.tested_as_of[:10]}"
    head = ("", measured.name, "95 % interval", "this version is better by (95 % interval)")
    return Section("good", "How good it is", (text,), tables=(_table(caption, head, rows, {1, 2}),), brief=3)


def _limits(card: Card) -> Section:
    warnings = [f"Warning: {text}" for text in card.warnings]
    return Section("mind", "What to mind, and what not to use it for", items=(*warnings, *card.limits), brief=7)


def _outcome(card: Card) -> Section:
    if card.came_true is None:
        return Section("true", "What came true", (NOT_KEPT,), picture=True)
    table = _OUTCOME_TABLES[card.task](card.came_true, unit_noun(card.unit))
    texts: tuple[str, ...] = ()
    if (calibration := card.calibration) is not None:
        texts = (
            f"On average it said {format_share(calibration.predicted)}, and {format_share(calibration.actual)} "
            "came true. "
            f"By tenth it is off by {calibration.error * 100:.1f} percentage points on average "
            f"(expected calibration error {calibration.error:.4f}); with so many {unit_words(card.unit)} "
            f"even perfect probabilities would be off by {calibration.chance * 100:.1f}, by chance.",
        )
    return Section("true", "What came true", texts, tables=(table,), picture=True)


def _groups(card: Card) -> Section:
    units = unit_words(card.unit)
    rows = [
        (
            part.by,
            part.group,
            f"{part.units:,}",
            "" if part.value is None else format_metric(part.value),
            format_interval(part.low, part.high),
            "" if part.value is None else format_metric(part.baseline),
            f"not measured: {part.why}" if part.why else _baseline_note(card, part),
        )
        for part in card.slices or ()
    ]
    head = ("by", "group", unit_noun(card.unit), card.metric.name, "95 % interval", "baseline", "note")
    caption = f"The same measure for some of the {units} only"
    texts: tuple[str, ...] = ()
    if not rows and card.has_record:
        texts = (f"Nothing is known by which to group the {units}.",)
    elif rows and card.task in ("binary", "segment", "uplift"):
        texts = (f"Within a group {units} are more alike than overall, so they are harder to rank.",)
    return Section(
        "whom", "For whom it works", texts, tables=(_table(caption, head, rows, {2, 3, 4, 5}),), brief=10 if rows else 0
    )


def _baseline_note(card: Card, part: Slice) -> str:
    """Return whether the baseline does as well in a group, or significantly better; "" if the version is better."""
    higher, value, baseline = card.metric.higher_is_better, part.value, part.baseline
    if higher is None or value is None or baseline is None or baseline == value or (baseline > value) != higher:
        return ""
    is_inside = part.low is not None and part.high is not None and part.low <= baseline <= part.high
    return "the baseline does as well" if is_inside else "the baseline is better"


def _reasons(card: Card) -> Section:
    rows = [(reason.reason, format_share(reason.share), reason.example) for reason in card.reasons or ()]
    texts = ("A reason says what the prediction is based on, not what caused it.",) if rows else ()
    table = _table(
        "The reasons given most often on the test date", ("reason", "of predictions", "for example"), rows, {1}
    )
    return Section("why", "Reasons it gives", texts, tables=(table,), brief=5 if rows else 0)


def _data(card: Card) -> Section:
    dates = [("trained on", date) for date in card.train or ()] + ([("tested on", card.test)] if card.test else [])
    rows = [
        (use, date.as_of[:10], f"{date.units:,}", _format_mean(card.task, date.mean_outcome)) for use, date in dates
    ]
    head = ("", "as of", unit_noun(card.unit), MEAN_OUTCOME[card.task])
    texts: tuple[str, ...] = ()
    if card.learns_from == "labels":
        texts = ("It learns from labels, which have no date: what it was tested on was held back at random.",)
    elif card.has_record:
        texts = ("Outcomes were counted in the days after each date; these periods do not overlap.",)
    versions = tuple((name, f"version {number}") for name, number in sorted(card.data_versions.items()))
    table = _table("What it was trained and tested on", head, rows, {2, 3})
    return Section("data", "Data", texts, versions, (table,))


def _format_mean(task: Task, value: float | None) -> str:
    return format_share(value) if task in SHARES else format_amount(value)


def _columns(card: Card) -> Section:
    used, offered, selection = card.columns_used, card.columns_offered, card.selection
    if not used:
        return Section("columns", "Columns", ("It reads the tables directly and uses no feature columns.",))
    of = f" of {offered:,}" if offered else ""
    texts = [f"It uses {len(used):,}{of} feature columns."]
    if selection:
        texts.append(f"How they were chosen: {selection.get('reason') or format_value(selection)}.")
    return Section("columns", "Columns", (*texts, ", ".join(used)))


def _training(card: Card) -> Section:
    tuning, text = card.tuning, "The parameters are the model's own: they were not tuned for this customer."
    if tuning:
        trials = tuning.get("trials", ())
        trial_count = len(trials) if isinstance(trials, list | tuple) else trials
        duration = f" in {format_value(tuning['seconds'])} seconds" if "seconds" in tuning else ""
        chosen = tuning.get("reason", tuning.get("chosen"))
        text = f"How the parameters were found: {count_words(trial_count, 'trial')}{duration}"
        text += f"; {format_value(chosen)}." if chosen else "."
    facts = [(name, format_value(value)) for name, value in card.parameters.items()]
    facts += [("seed", format_value(card.seed)), ("code version", str(card.code_version))]
    facts += [("cost", f"{card.cpu_seconds:,.1f} CPU-seconds")]
    return Section("made", "How it was made", (text,), tuple(facts))


def _settings(card: Card) -> Section:
    facts = [(name.replace("_", " "), format_value(value)) for name, value in card.settings.items()]
    decision = card.decision
    rule = decision.get("rule") if isinstance(decision, Mapping) else decision
    texts = (f"What follows: {format_value(rule if rule else decision)}.",) if decision else ()
    return Section("settings", "What the retailer decides", texts, tuple(facts))


def _history(card: Card) -> Section:
    rows = [(event.at.replace("T", " "), event.kind.replace("_", " "), event.reason) for event in card.history]
    table = _table("Everything that was decided about this version (UTC)", ("when", "what", "why"), rows)
    return Section("decided", "Decisions", tables=(table,))


def _table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], numbers: set[int] | None = None
) -> CardTable:
    return CardTable(caption, tuple(head), tuple(map(tuple, rows)), frozenset(numbers or ()))


def _tenths_table(
    caption: str, columns: Mapping[str, str], format_one: Callable[[float | None], str]
) -> Callable[[Rows, str], CardTable]:
    """Return a table by tenth; `columns` are heads by key.

    Lift is formatted as times, captured as a share, all others with `format_one`.
    """
    formats: dict[str, Callable[[Any], str]] = {"lift": _format_times, "captured": format_share}

    def table(rows: Rows, units: str) -> CardTable:
        head = ("tenth", units, *columns.values())
        cells = [
            (str(row["tenth"]), f"{row['units']:,}", *(formats.get(key, format_one)(row[key]) for key in columns))
            for row in rows
        ]
        return _table(caption, head, cells, set(range(len(head))))

    return table


def _format_times(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f} times"


def _ranks_table(rows: Rows, units: str) -> CardTable:
    cells = [(str(row["rank"]), format_share(row["share"])) for row in rows]
    return _table("How often what was at each rank came true", ("rank", f"share of {units}"), cells, {0, 1})


def _segments_table(rows: Rows, units: str) -> CardTable:
    cells = [
        (row["label"], f"{row['units']:,}", format_share(row["share"]), format_amount(row["actual"])) for row in rows
    ]
    return _table("What each segment spent later", ("segment", units, "share", "mean later spend"), cells, {1, 2, 3})


def _labels_table(rows: Rows, units: str) -> CardTable:
    cells = [(row["label"], f"{row['units']:,}", format_share(row["right"])) for row in rows]
    return _table("How often each label was predicted right", ("label", units, "predicted right"), cells, {1, 2})


_OUTCOME_TABLES: Mapping[Task, Callable[[Rows, str], CardTable]] = {
    "binary": _tenths_table(
        "By tenth, highest scores first",
        {
            "predicted": "predicted",
            "actual": "came true",
            "lift": "against the average",
            "captured": "of all who did, so far",
        },
        format_share,
    ),
    "regression": _tenths_table(
        "By tenth, highest predictions first",
        {
            "predicted": "predicted",
            "actual": "came true",
            "lift": "against the average",
            "captured": "of the sum, so far",
        },
        format_amount,
    ),
    "ranking": _ranks_table,
    "segment": _segments_table,
    "choice": _labels_table,
    "uplift": _tenths_table(
        "By tenth, highest scores first",
        {
            "predicted": "predicted gain",
            "treated": "responded, contacted",
            "held_back": "responded, held back",
            "gained": "gained",
        },
        format_share,
    ),
}


def picture_description(task: Task) -> str:
    """Return what the curves of a task show, for readers who cannot see them."""
    return {
        "binary": "Two curves of the test date: lift by tenth of the score, and predicted against actual shares.",
        "regression": "Bars of the test date: predicted and actual mean value by tenth.",
        "ranking": "Bars of the test date: how often what was at each rank came true.",
        "segment": "Bars of the test date: the size of each segment, and its mean later spend.",
        "choice": "Bars of the test date: how often each label was predicted right.",
        "uplift": "The Qini curve of the test date: more responses by share contacted.",
    }[task]
