"""A card in sections of plain text, ready for any format: Markdown and HTML only set them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from capflow_assets.contract.model import Task
from capflow_assets.training.card import words

Card = Mapping[str, Any]
NOT_KEPT = (
    "How it did on its test date, user by user, was not kept for this version: it is older than cards. "
    "Train it again with capflow run --force."
)


@dataclass(frozen=True)
class CardTable:
    """Rows of texts under a head; columns whose place is in `numbers` are numbers."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Section:
    """One heading and what stands under it. `picture`: with the curves.

    Where there is little room it has `brief` rows and items at most, and is left out at 0.
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
    """The heading of the card."""
    return f"{card['title']}: {card['customer']}, version {card['version']}"


def last_decision(card: Card) -> str:
    """What was decided last, in words."""
    return next((one["reason"] for one in reversed(card["history"])), "nothing was decided yet")


def sections(card: Card) -> list[Section]:
    """The sections in the order in which an analyst needs them; empty ones are left out."""
    return [
        section
        for section in (
            _is(card), _good(card), _mind(card), _true(card), _whom(card), _why(card), _data(card), _columns(card),
            _made(card), _wishes(card), _decided(card),
        )
        if section.texts or section.facts or section.items or any(table.rows for table in section.tables)
    ]  # fmt: skip


def _is(card: Card) -> Section:
    facts = (
        ("model", card["model"]),
        ("customer", card["customer"]),
        ("version", f"{card['version']} ({card['digest'][:12]})"),
        ("on the ladder", card["rung"]),
        ("predicts for", words.unit_words(card["unit"])),
        *((("looks ahead", words.count_words(card["horizon_days"], "day")),) if card["learns_from"] == "time" else ()),
        ("trained at", f"{card['created_at'].replace('T', ' ')} UTC"),
        ("owner", card["owner"]),
    )
    return Section("is", "What it is", (card["description"], f"Method: {card['method']}."), facts)


def _good(card: Card) -> Section:
    found, units = card["metric"], words.unit_words(card["unit"])
    baseline, champion = found["baseline"], found["champion"]
    rows = [
        ("this version", words.format_metric(found["value"]), words.format_interval(found["low"], found["high"]), ""),
        (f"baseline: {baseline['name']}", words.format_metric(baseline["value"]), "", words.format_gain(baseline)),
    ]
    if champion is not None:
        number = "" if champion["version"] is None else f", version {champion['version']}"
        rows.append((f"champion then{number}", words.format_metric(champion["value"]), "", words.format_gain(champion)))
    meaning = words.MEANING.get(found["name"])
    text = f"Measured by {found['title']}. {meaning}" if meaning else f"Measured by {found['title']}."
    caption = f"On the same {found['units']:,} {units}, as of {found['tested_as_of'][:10]}"
    head = ("", found["name"], "95 % interval", "this version is better by (95 % interval)")
    return Section("good", "How good it is", (text,), tables=(_table(caption, head, rows, {1, 2}),), brief=3)


def _mind(card: Card) -> Section:
    warned = [f"Warning: {text}" for text in card["warnings"]]
    return Section("mind", "What to mind, and what not to use it for", items=(*warned, *card["limits"]), brief=7)


def _true(card: Card) -> Section:
    if not card["judged"]:
        return Section("true", "What came true", (NOT_KEPT,), picture=True)
    table = _TRUE[card["task"]](card["came_true"], words.unit_noun(card["unit"]))
    texts: tuple[str, ...] = ()
    if (found := card["calibration"]) is not None:
        texts = (
            f"On average it said {words.format_share(found['predicted'])}, and {words.format_share(found['actual'])} "
            "came true. "
            f"By tenth it is off by {found['error'] * 100:.1f} percentage points on average "
            f"(expected calibration error {found['error']:.4f}); of so many {words.unit_words(card['unit'])} "
            f"even probabilities that are right would be off by {found['chance'] * 100:.1f}, by chance.",
        )
    return Section("true", "What came true", texts, tables=(table,), picture=True)


def _whom(card: Card) -> Section:
    units, found = words.unit_words(card["unit"]), card["slices"] or ()
    rows = [
        (
            row["by"],
            row["group"],
            f"{row['units']:,}",
            "" if row["value"] is None else words.format_metric(row["value"]),
            words.format_interval(row["low"], row["high"]),
            "" if row["value"] is None else words.format_metric(row["baseline"]),
            f"not judged: {row['why']}" if row["why"] else _beaten(card, row),
        )
        for row in found
    ]
    head = ("by", "group", words.unit_noun(card["unit"]), card["metric"]["name"], "95 % interval", "baseline", "note")
    caption = f"The same measure for some of the {units} only"
    texts: tuple[str, ...] = ()
    if not rows and card["judged"]:
        texts = (f"There is nothing at hand to tell the {units} apart by.",)
    elif rows and card["task"] in ("binary", "segment", "uplift"):
        texts = (f"Within a group {units} are more alike than over all, so they are harder to put in order.",)
    return Section(
        "whom", "For whom it works", texts, tables=(_table(caption, head, rows, {2, 3, 4, 5}),), brief=10 if rows else 0
    )


def _beaten(card: Card, row: Mapping[str, Any]) -> str:
    """Whether the baseline does as well in a group, or surely better."""
    higher = card["metric"]["higher_is_better"]
    if higher is None or row["baseline"] == row["value"] or (row["baseline"] > row["value"]) != higher:
        return ""
    inside = row["low"] <= row["baseline"] <= row["high"]
    return "the baseline does as well" if inside else "the baseline is better"


def _why(card: Card) -> Section:
    rows = [(row["reason"], words.format_share(row["share"]), row["example"]) for row in card["reasons"] or ()]
    texts = ("A reason says what the prediction rests on, not what caused it.",) if rows else ()
    table = _table(
        "The reasons given most often on the test date", ("reason", "of predictions", "for example"), rows, {1}
    )
    return Section("why", "Reasons it gives", texts, tables=(table,), brief=5 if rows else 0)


def _data(card: Card) -> Section:
    data, task = card["data"], card["task"]
    dates = [("learned from", one) for one in data["train"] or ()] + (
        [("tested on", data["test"])] if data["test"] else []
    )
    rows = [(use, one["as_of"][:10], f"{one['units']:,}", _mean(task, one["mean_outcome"])) for use, one in dates]
    head = ("", "as of", words.unit_noun(card["unit"]), words.MEAN_OUTCOME[task])
    texts: tuple[str, ...] = ()
    if card["learns_from"] == "labels":
        texts = ("It learns from labels, which have no date: what it was tested on was held back by lot.",)
    elif card["judged"]:
        texts = ("What came true was counted in the days after each date; no such time overlaps another.",)
    versions = tuple((name, f"version {number}") for name, number in sorted(data["versions"].items()))
    table = _table("What it learned from and was tested on", head, rows, {2, 3})
    return Section("data", "Data", texts, versions, (table,))


def _mean(task: Task, value: float | None) -> str:
    return words.format_share(value) if task in words.SHARES else words.format_amount(value)


def _columns(card: Card) -> Section:
    used, offered, selection = (card["columns"][name] for name in ("used", "offered", "selection"))
    if not used:
        return Section("columns", "Columns", ("It reads the tables themselves and uses no feature columns.",))
    of = f" of {offered:,}" if offered else ""
    texts = [f"It uses {len(used):,}{of} feature columns."]
    if selection:
        reason = selection.get("reason") if isinstance(selection, Mapping) else None
        texts.append(f"How they were chosen: {reason or words.format_value(selection)}.")
    return Section("columns", "Columns", (*texts, ", ".join(used)))


def _made(card: Card) -> Section:
    tuning, found = card["tuning"], "The parameters are the model's own: they were not tuned for this customer."
    if tuning:
        trials = tuning.get("trials", ())
        tried = len(trials) if isinstance(trials, list | tuple) else trials
        spent = f" in {words.format_value(tuning['seconds'])} seconds" if "seconds" in tuning else ""
        chosen = tuning.get("reason", tuning.get("chosen"))
        found = f"How the parameters were found: {words.count_words(tried, 'trial')}{spent}"
        found += f"; {words.format_value(chosen)}." if chosen else "."
    facts = [(name, words.format_value(value)) for name, value in card["parameters"].items()]
    facts += [("seed", words.format_value(card["seed"])), ("code version", str(card["code_version"]))]
    facts += [("cost", f"{card['cpu_seconds']:,.1f} CPU-seconds")]
    return Section("made", "How it was made", (found,), tuple(facts))


def _wishes(card: Card) -> Section:
    facts = [(name.replace("_", " "), words.format_value(value)) for name, value in card["settings"].items()]
    rule = card["decision"]
    told = rule.get("rule") if isinstance(rule, Mapping) else rule
    texts = (f"What follows: {words.format_value(told if told else rule)}.",) if rule else ()
    return Section("settings", "What the retailer decides", texts, tuple(facts))


def _decided(card: Card) -> Section:
    rows = [(one["at"].replace("T", " "), one["kind"].replace("_", " "), one["reason"]) for one in card["history"]]
    table = _table("Everything that was decided about this version (UTC)", ("when", "what", "why"), rows)
    return Section("decided", "Decisions", tables=(table,))


def _table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], numbers: set[int] | None = None
) -> CardTable:
    return CardTable(caption, tuple(head), tuple(map(tuple, rows)), frozenset(numbers or ()))


def _tenths(
    caption: str, columns: Mapping[str, str], shown: Callable[[float | None], str]
) -> Callable[[Sequence[Mapping[str, Any]], str], CardTable]:
    """Rows by tenth: `columns` are heads by key; lift is told in times, captured as a share, others as `shown` does."""
    formats: dict[str, Callable[[Any], str]] = {"lift": _times, "captured": words.format_share}

    def table(rows: Sequence[Mapping[str, Any]], units: str) -> CardTable:
        head = ("tenth", units, *columns.values())
        cells = [
            (str(row["tenth"]), f"{row['units']:,}", *(formats.get(key, shown)(row[key]) for key in columns))
            for row in rows
        ]
        return _table(caption, head, cells, set(range(len(head))))

    return table


def _times(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f} times"


def _ranks(rows: Sequence[Mapping[str, Any]], units: str) -> CardTable:
    cells = [(str(row["rank"]), words.format_share(row["share"])) for row in rows]
    return _table("How often what was at each rank came true", ("rank", f"share of {units}"), cells, {0, 1})


def _segments(rows: Sequence[Mapping[str, Any]], units: str) -> CardTable:
    cells = [
        (row["label"], f"{row['units']:,}", words.format_share(row["share"]), words.format_amount(row["actual"]))
        for row in rows
    ]
    return _table("What each segment spent later", ("segment", units, "share", "mean later spend"), cells, {1, 2, 3})


def _labels(rows: Sequence[Mapping[str, Any]], units: str) -> CardTable:
    cells = [(row["label"], f"{row['units']:,}", words.format_share(row["right"])) for row in rows]
    return _table("How often each label was told right", ("label", units, "told right"), cells, {1, 2})


_TRUE: Mapping[Task, Callable[[Sequence[Mapping[str, Any]], str], CardTable]] = {
    "binary": _tenths(
        "By tenth, highest scores first",
        {
            "predicted": "predicted",
            "actual": "came true",
            "lift": "against the average",
            "captured": "of all who did, so far",
        },
        words.format_share,
    ),
    "regression": _tenths(
        "By tenth, highest predictions first",
        {
            "predicted": "predicted",
            "actual": "came true",
            "lift": "against the average",
            "captured": "of the sum, so far",
        },
        words.format_amount,
    ),
    "ranking": _ranks,
    "segment": _segments,
    "choice": _labels,
    "uplift": _tenths(
        "By tenth, highest scores first",
        {
            "predicted": "predicted gain",
            "treated": "answered, contacted",
            "held_back": "answered, held back",
            "gained": "gained",
        },
        words.format_share,
    ),
}


def picture_description(task: Task) -> str:
    """What the curves of a task show, for whoever cannot see them."""
    return {
        "binary": "Two curves of the test date: lift by tenth of the score, and predicted against actual shares.",
        "regression": "Bars of the test date: predicted and actual mean value by tenth.",
        "ranking": "Bars of the test date: how often what was at each rank came true.",
        "segment": "Bars of the test date: the size of each segment, and its mean later spend.",
        "choice": "Bars of the test date: how often each label was told right.",
        "uplift": "The Qini curve of the test date: more answers by share contacted.",
    }[task]
