"""Match source columns to the canonical columns of one table: score all pairs, take the best assignment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from capflow_assets.onboarding.matching.name_scores import name_score
from capflow_assets.onboarding.matching.table_context import TableContext
from capflow_assets.onboarding.matching.value_evidence import COLUMNS, find_evidence
from partitions.canonical import CANONICAL_COLUMNS

Confidence = Literal["sure", "likely", "guess"]
NAME_POINTS = 4.0  # for a name that clearly says it
DENIED_BY_NAME = -1.2  # for a name that says something else
ENOUGH = 1.6  # below, a column is left unmapped
ENOUGH_WITHOUT_NAME = 2.2
KEY_COLUMNS = ("bill_id", "user_id", "item_id", "ts", "quantity", "unit_price", "amount")  # found without any name
CLOSE = 1.5  # within so many points of the best, another column is an alternative
APART = ("category", "kind")  # not matched column by column


@dataclass(frozen=True)
class Match:
    """One canonical column filled by one source column, with the reasons and the alternatives that came close."""

    column: str
    source: str
    points: float
    confidence: Confidence
    reasons: tuple[str, ...]
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Pair:
    column: str
    source: str
    points: float
    name: float
    evidence: float
    reasons: tuple[str, ...]


def match_columns(table: str, context: TableContext, leave_out: Collection[str] = ()) -> dict[str, Match]:
    """Return the best assignment of source columns to the canonical columns of `table`, without unmatched ones."""
    pairs = [pair for pair in _score_pairs(table, context) if pair.source not in leave_out]
    assigned = _assign(pairs)
    taken = {pair.source for pair in assigned}
    return {pair.column: _to_match(pair, pairs, taken, context) for pair in assigned}


def _score_pairs(table: str, context: TableContext) -> Iterable[_Pair]:
    for column in CANONICAL_COLUMNS[table]:
        if column in APART or column not in COLUMNS:
            continue
        for candidate in context.table.columns:
            evidence_points = find_evidence(column, candidate, context)
            if evidence_points is None:
                continue
            name = name_score(column, candidate.name, context.table.name)
            evidence = max(-5.0, min(4.0, sum(value for value, _ in evidence_points)))
            total = evidence + (NAME_POINTS * name if name >= 0 else DENIED_BY_NAME)
            is_unnamed_key = name == 0 and column in KEY_COLUMNS
            if total < (ENOUGH if name > 0.3 or is_unnamed_key else ENOUGH_WITHOUT_NAME):
                continue
            by_name = (f"its name {'says' if name > 0.8 else 'suggests'} so",) if name > 0.3 else ()
            strongest = sorted(evidence_points, key=lambda point: -abs(point[0]))
            reasons = by_name + tuple(reason for value, reason in strongest if abs(value) > 0.25)
            yield _Pair(column, candidate.name, total, name, evidence, reasons)


def _assign(pairs: list[_Pair]) -> list[_Pair]:
    """Return the pairs with the highest sum of points, each column used once."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    columns = list(dict.fromkeys(pair.column for pair in pairs))
    sources = list(dict.fromkeys(pair.source for pair in pairs))
    if not pairs:
        return []
    scores = np.zeros((len(columns), len(sources)))
    by_place = {(columns.index(pair.column), sources.index(pair.source)): pair for pair in pairs}
    for place, pair in by_place.items():
        scores[place] = pair.points
    rows, source_indices = linear_sum_assignment(scores, maximize=True)
    return [by_place[at] for at in zip(rows, source_indices, strict=True) if at in by_place]


def _to_match(pair: _Pair, pairs: list[_Pair], taken: set[str], context: TableContext) -> Match:
    rivals = [
        other
        for other in pairs
        if other.column == pair.column
        and other.source not in taken
        and other.points > pair.points - CLOSE
        # The day of a timestamp is no alternative to the timestamp.
        and not context.table.dependency(pair.source, other.source) > 0.95
    ]
    rivals.sort(key=lambda other: -other.points)
    clear = pair.name >= 0.7 and pair.evidence >= 0.5
    if clear and not rivals and pair.points >= 3.8:
        confidence: Confidence = "sure"
    else:
        confidence = "likely" if pair.points >= 3.2 and (pair.name > 0.3 or pair.evidence >= 3.2) else "guess"
    return Match(
        pair.column,
        pair.source,
        round(pair.points, 2),
        confidence,
        pair.reasons,
        tuple(other.source for other in rivals[:3]),
    )
