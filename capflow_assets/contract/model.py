"""The contract of a model: one file that says what it needs, what it predicts and how well it must do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

# Models outside this repository import Snapshot from this module, too.
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot

if TYPE_CHECKING:
    import ibis
    import pandas as pd

Task = Literal["binary", "regression", "ranking", "segment", "choice", "uplift"]

ANSWERS: Mapping[Task, tuple[str, ...]] = {
    "binary": ("score",),
    "regression": ("value",),
    "ranking": ("rank", "ranked", "score"),
    "segment": ("label",),
    "choice": ("label", "score"),
    "uplift": ("score",),
}
"""What is predicted of each unit; the column of what a ranking ranks is named by `Model.ranked`."""

TRUTHS: Mapping[Task, tuple[str, ...]] = {
    "binary": ("label",),
    "regression": ("value",),
    "ranking": ("ranked",),
    "segment": ("value",),
    "choice": ("label",),
    "uplift": ("treated", "label"),
}
"""What comes true of each unit: the last columns of an outcome, after those of the unit."""


class NothingToLearnError(ValueError):
    """This customer's past holds nothing that the model could be fitted on; the message says what is missing."""


@dataclass(frozen=True)
class Needs:
    """The least data a model accepts; below it the model is reported as not available, with the reason.

    `history_days` counts from the first sale to the as-of date; `positives` is the least number of users of each
    class in the training outcome and the label shares, 0 to 1, bound the share of those who did (binary models only).
    `items` were sold at least once. Of contacts, `treated` reached a shopper and `control` were held back from one.
    `described_share` is the least share of `items` whose description has two real words or more, in one of `languages`
    (none: any). `images`, `audio_seconds` and `reviews` count what can be read; shares are of all that was sent.
    """

    users: int = 100
    bills: int = 500
    history_days: int = 120
    positives: int = 0
    least_label_share: float = 0.0
    greatest_label_share: float = 1.0
    items: int = 0
    contacts: int = 0
    campaigns: int = 0
    treated: int = 0
    control: int = 0
    described_share: float = 0.0
    languages: tuple[str, ...] = ()
    images: int = 0
    readable_image_share: float = 0.0
    audio_seconds: float = 0.0
    readable_audio_share: float = 0.0
    reviews: int = 0


@dataclass(frozen=True)
class Promotion:
    """When a new version becomes champion.

    It must beat the model's baseline by at least `over_baseline` (in metric units, in the metric's better direction)
    and, against the champion on the same rows, gain more than 0 with gain - 1.28 standard errors > -`tolerance`.
    Where the metric is money (mae), both are shares of the rival's error: 0.01 is one percent of it.
    """

    over_baseline: float = 0.0
    tolerance: float = 0.01


@dataclass(frozen=True)
class Artefact:
    """All that a fitted model is, as bytes that load without running code, plus JSON facts.

    `columns` are the feature columns it was fitted on, in order; `facts` must survive json.dumps unchanged.
    """

    files: Mapping[str, bytes]
    columns: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class Model(ABC):
    """One model for every customer. Subclasses hold no state: what is learned is in the Artefact.

    `unit` is what one prediction is about: a shopper, an item, a shopper and a channel. `ranked` names the column of
    what a ranking ranks, `extras` further numbers of a prediction, each with a sentence. `settings` are what a retailer
    decides and no data can tell (the price of a contact); `fit` gets them among its parameters.

    With `chooses_features` the platform chooses anew at each training which columns of `features` the model may see.
    A model that `counts_returns` says so, else returned sales must change nothing; `tolerance` is by how much the same
    shopper's prediction may differ with the batch it is in (torch: 1e-4).

    `libraries` are what it imports beyond CapFlow's own dependencies, each with the extra that brings it: where one is
    not installed the model is not available.

    A model that `has_rule` has a baseline that learns nothing: it serves a customer with too little data for a model.

    A model `learns_from` "time": on past dates, judged on a later one; or from "labels" that have no date (what a
    picture shows): on a part of the labelled units, judged on the part that `held_out` keeps back.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    family: ClassVar[str]
    task: ClassVar[Task]
    unit: ClassVar[tuple[str, ...]] = ("user_id",)
    ranked: ClassVar[str] = "item_id"
    extras: ClassVar[Mapping[str, str]] = {}
    learns_from: ClassVar[Literal["time", "labels"]] = "time"
    owner: ClassVar[str] = "team:data-science"
    method: ClassVar[str]
    tables: ClassVar[tuple[str, ...]] = ()
    optional_tables: ClassVar[tuple[str, ...]] = ()
    features: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[Needs] = Needs()
    horizon_days: ClassVar[int] = 30
    metric: ClassVar[str]
    baseline_name: ClassVar[str]
    promotion: ClassVar[Promotion] = Promotion()
    parameters: ClassVar[Mapping[str, Any]] = {}
    settings: ClassVar[Mapping[str, Any]] = {}
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    chooses_features: ClassVar[bool] = False
    libraries: ClassVar[Mapping[str, str]] = {}
    counts_returns: ClassVar[bool] = False
    has_rule: ClassVar[bool] = False
    tolerance: ClassVar[float] = 1e-9

    @property
    def prediction_columns(self) -> tuple[str, ...]:
        """The columns of a prediction, in order."""
        answer = (self.ranked if name == "ranked" else name for name in ANSWERS[self.task])
        return (*self.unit, *answer, *self.extras, "reasons")

    @property
    def outcome_columns(self) -> tuple[str, ...]:
        """The columns of an outcome, in order: the unit, then what came true of it."""
        return (*self.unit, *(self.ranked if name == "ranked" else name for name in TRUTHS[self.task]))

    @property
    def key(self) -> list[str]:
        """The columns of a prediction that no two of its rows share."""
        return [*self.unit, "rank"] if self.task == "ranking" else list(self.unit)

    @abstractmethod
    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """What came true after the snapshot: `outcome_columns`, a row a unit (a ranking: for each right one).

        `window` holds the rows of the model's tables in [as_of, as_of + horizon_days) and no others. Only the
        snapshot's `tables` are there, not its features: outcomes are also asked for dates that have none.
        Its units are the model's population: predict must cover each of them. A model that learns from labels finds
        them in `window`, which then holds all that is known as of the snapshot.
        """

    @abstractmethod
    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Learn from past snapshots with outcomes. All that is learned is in the Artefact; same input, same bytes."""

    @abstractmethod
    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """`prediction_columns` for the population in `snapshot`; `reasons` holds one to three texts."""

    @abstractmethod
    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """What one would predict without this model, in the same columns as predict (reasons may be empty lists)."""

    def judged(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """As predict, but reasons may be empty: what tuning asks for, many times. Override where reasons cost time."""
        return self.predict(artefact, snapshot)

    def tried(
        self, train: Sequence[LabelledSnapshot], later: LabelledSnapshot, parameters: Mapping[str, Any], seed: int
    ) -> pd.DataFrame:
        """What a quick fit on `train` with these parameters predicts for `later`: tuning compares these."""
        return self.judged(self.fit(train, parameters, seed), later)

    def held_out(self, snapshot: Snapshot, outcome: pd.DataFrame) -> pd.Series:
        """Of a model that learns from labels: which rows of the outcome it is judged on. By default a fifth, by lot."""
        import pandas as pd

        lot = pd.util.hash_pandas_object(outcome[list(self.unit)].astype(str), index=False)
        return pd.Series(lot.to_numpy() % 5 == 0, index=outcome.index)
