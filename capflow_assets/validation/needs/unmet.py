"""Why a model or feature set is not available for a customer, as a sentence, before any work is done for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from capflow_assets.contract.feature_set import FeatureSet
from capflow_assets.contract.model import Model, Needs
from capflow_assets.run.catalogue import feature_sets
from capflow_assets.validated.anchors import least_history_days

LEAST: Mapping[str, str] = {
    "users": "{} identified shoppers",
    "bills": "{} bills",
    "history_days": "{} days of history",
    "items": "{} different items sold",
    "contacts": "{} rows of contacts",
    "campaigns": "{} campaigns",
    "treated": "{} contacts that reached a shopper",
    "control": "{} contacts held back as control group",
    "described_share": "two real words in the descriptions of {} of items",
    "images": "{} pictures that can be read",
    "readable_image_share": "{} of pictures readable",
    "audio_seconds": "{} seconds of sound that can be read",
    "readable_audio_share": "{} of recordings readable",
    "reviews": "{} reviews with text",
}
"""The minimums of `Needs` as text, shares in percent. These fields count rows of the data; the others have
rules of their own."""

COUNTED = ("users", "bills", "history_days")  # measured for every customer


@dataclass(frozen=True)
class Facts:
    """What a customer's data offer to models.

    `users` are identified shoppers with a purchase, `history_days` runs from the first sale to the as-of date;
    `positives` and `negatives` count the training outcome of a binary model, None before it is known. `measures` are
    those of needs/measures.py that some model asks for.
    """

    tables: AbstractSet[str]
    users: int
    bills: int
    history_days: int
    has_times: bool = True
    positives: int | None = None
    negatives: int | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)

    def have(self, name: str) -> Any:
        """Return the amount of what a field of `Needs` asks for; None when it was not measured."""
        return getattr(self, name) if name in COUNTED else self.measures.get(name)


def list_measures(models: Iterable[Model], feature_sets: Iterable[FeatureSet]) -> set[str]:
    """Return the measures that the needs of any of these models and feature sets refer to."""
    needs = [model.needs for model in models] + [chosen.needs for chosen in feature_sets if chosen.needs]
    found = {name for need in needs for name in LEAST if name not in COUNTED and getattr(need, name)}
    return found | ({"language"} if any(need.languages for need in needs) else set())


def explain_unmet(model: Model, facts: Facts) -> str | None:
    """Explain in one sentence why such data are not enough for `model`; None when they are."""
    missing = [table for table in model.tables if table not in facts.tables]
    if missing:
        return _missing_tables(missing)
    if not facts.has_times:
        return "needs the time of each sale, and this customer's sales have none"
    days = model.needs.history_days
    if model.learns_from == "time":
        days = max(days, least_history_days(model.horizon_days))
    return (
        next(_shortfalls(model.needs, facts, {"history_days": days}), None)
        or _explain_unmet_features(model, facts)
        or (_explain_one_sided(model, facts))
    )


def explain_unmet_set(feature_set: FeatureSet, facts: Facts) -> str | None:
    """Explain in one sentence why such data are not enough for `feature_set`; None when they are."""
    missing = [table for table in feature_set.tables if table not in facts.tables]
    if missing:
        return _missing_tables(missing)
    return None if feature_set.needs is None else next(_shortfalls(feature_set.needs, facts), None)


def _missing_tables(missing: list[str]) -> str:
    return f"needs the table{'s' if len(missing) > 1 else ''} {', '.join(missing)}, which this customer does not have"


def _explain_unmet_features(model: Model, facts: Facts) -> str | None:
    sets = feature_sets()
    for name in model.features:
        if name in sets and (reason := explain_unmet_set(sets[name], facts)):
            return f"needs features/{name}, which {reason}"
    return None


def _shortfalls(needs: Needs, facts: Facts, instead: Mapping[str, int] | None = None) -> Iterator[str]:
    for name, words in LEAST.items():
        want, have = (instead or {}).get(name, getattr(needs, name)), facts.have(name)
        if not want or (have is not None and have >= want):
            continue
        amount = "none" if have is None else _format_amount(name, have)
        yield f"needs at least {words.format(_format_amount(name, want))}; this customer has {amount}"
    language = facts.measures.get("language")
    if needs.languages and language is not None and language not in needs.languages:
        yield f"reads {', '.join(needs.languages)}; this customer's items are described in {language}"


def _format_amount(name: str, value: float) -> str:
    return f"{value:.1%}" if name.endswith("_share") else f"{value:,.0f}"


def _explain_one_sided(model: Model, facts: Facts) -> str | None:
    if model.task != "binary" or facts.positives is None or facts.negatives is None:
        return None
    least = max(model.needs.positives, 1)
    everyone = facts.positives + facts.negatives
    whom = "labelled rows" if model.learns_from == "labels" else "past shoppers"
    counts = f"of {everyone:,} {whom}, {facts.positives:,} did and {facts.negatives:,} did not"
    if min(facts.positives, facts.negatives) == 0:
        return f"{whom} all went the same way ({counts}), so there is nothing to tell apart"
    if min(facts.positives, facts.negatives) < least:
        return f"needs at least {least:,} {whom} of each kind; {counts}"
    low, high = model.needs.least_label_share, model.needs.greatest_label_share
    if not low <= facts.positives / everyone <= high:
        return f"needs {low:.1%} to {high:.1%} of {whom} to do what it predicts; {counts}"
    return None
