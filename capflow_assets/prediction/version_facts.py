"""What the platform keeps with a model version about how it was learned, beside the model's own facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

OWN, POOL, RULES = "own model", "pool of the vertical", "rules"
"""The rungs: learned from the customer's own past, learned from the vertical's pool, not learned at all."""

_TUPLES = ("warnings", "ignored_features", "contributors")
_TEXTS = ("recipe", "vertical", "pool", "why_no_own_model")


@dataclass(frozen=True)
class VersionFacts:
    """How a model version was learned.

    `train_dates` are the dates of its training snapshots; `chosen_columns` the features that selection kept, None
    without selection; `warnings` what the leakage check found; `recipe` a hash of the requested parameters. `pool` is a
    hash of the contributions at hand, `contributors` the customers they came from, and `why_no_own_model` the reason
    for the fallback. `model` holds the model's own facts, and any fact that another release wrote.
    """

    rung: str = OWN
    train_dates: tuple[datetime, ...] = ()
    chosen_columns: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    ignored_features: tuple[str, ...] = ()
    recipe: str | None = None
    vertical: str | None = None
    pool: str | None = None
    why_no_own_model: str | None = None
    contributors: tuple[str, ...] = ()
    model: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the facts as the registry stores them: one flat mapping, without what does not apply."""
        content: dict[str, Any] = {**self.model, "rung": self.rung}
        content["train_dates"] = [date.isoformat() for date in self.train_dates]
        if self.chosen_columns is not None:
            content["chosen_columns"] = list(self.chosen_columns)
        content |= {name: list(values) for name in _TUPLES if (values := getattr(self, name))}
        return content | {name: text for name in _TEXTS if (text := getattr(self, name)) is not None}

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> VersionFacts:
        """Return the facts of a version of this or an earlier release; a version without a rung is an own model."""
        rest = dict(content)
        columns = rest.pop("chosen_columns", None)
        return VersionFacts(
            rung=rest.pop("rung", OWN),
            train_dates=tuple(map(datetime.fromisoformat, rest.pop("train_dates", ()))),
            chosen_columns=None if columns is None else tuple(columns),
            warnings=tuple(rest.pop("warnings", ())),
            ignored_features=tuple(rest.pop("ignored_features", ())),
            recipe=rest.pop("recipe", None),
            vertical=rest.pop("vertical", None),
            pool=rest.pop("pool", None),
            why_no_own_model=rest.pop("why_no_own_model", None),
            contributors=tuple(rest.pop("contributors", ())),
            model=rest,
        )
