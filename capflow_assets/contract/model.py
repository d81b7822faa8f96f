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

PREDICTED_COLUMNS: Mapping[Task, tuple[str, ...]] = {
    "binary": ("score",),
    "regression": ("value",),
    "ranking": ("rank", "ranked", "score"),
    "segment": ("label",),
    "choice": ("label", "score"),
    "uplift": ("score",),
}
"""The columns predicted for each unit, by task. "ranked" stands for the column that `Model.ranked` names."""

OUTCOME_COLUMNS: Mapping[Task, tuple[str, ...]] = {
    "binary": ("label",),
    "regression": ("value",),
    "ranking": ("ranked",),
    "segment": ("value",),
    "choice": ("label",),
    "uplift": ("treated", "label"),
}
"""The last columns of an outcome, by task; the columns of the unit come before them."""


class NothingToLearnError(ValueError):
    """This customer's history holds nothing that the model could be fitted on; the message says what is missing."""


@dataclass(frozen=True)
class Needs:
    """The least data that a model accepts. With less, the model is reported as not available, with the reason.

    `history_days` counts from the first sale to the as-of date. `positives` is the least number of units of each class
    in the training outcomes; `least_label_share` and `greatest_label_share` (0 to 1) bound the share of positives
    (binary models only). `items` counts items sold at least once. `treated` counts contacts that reached a shopper,
    `control` those held back. `described_share` is the least share of `items` whose description has at least two real
    words, in one of `languages` (none: in any). `images`, `audio_seconds` and `reviews` count what can be read; the
    `readable_…` shares are of all that was sent.
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

    It must beat the model's baseline by at least `over_baseline` (in units of the metric, in its better direction)
    and, on the same rows as the champion, have gain > 0 and gain - 1.28 standard errors > -`tolerance`.
    If the metric is money (mae), both are shares of the rival's error: 0.01 is one percent of it.
    """

    over_baseline: float = 0.0
    tolerance: float = 0.01


@dataclass(frozen=True)
class Artefact:
    """A fitted model as bytes that load without running code, plus JSON facts.

    `columns` are the feature columns it was fitted on, in order. `facts` must survive json.dumps unchanged.
    """

    files: Mapping[str, bytes]
    columns: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class Model(ABC):
    """One model for every customer. Subclasses are stateless: what is learned is in the Artefact.

    The class attributes stay flat, in the four sections below: a model sets eight to fifteen of them, each on one line,
    and groups would only add a constructor around every one or two.

    For readers: `method` cites the published method, `baseline_name` says in words what `baseline` predicts.

    Prediction: `unit` is what one prediction is about (a shopper, an item, a shopper and a channel). `ranked` names the
    column of what a ranking ranks; `extras` are further numeric columns, each with a sentence for merchandisers.
    `horizon_days` is how far ahead.

    Data: `tables`, `optional_tables`, `features` (feature sets) and `needs`. `libraries` maps each import beyond
    CapFlow's own dependencies to the extra that installs it; without it the model is not available.

    Training and evaluation: with `learns_from = "time"` a model is fitted on past dates and evaluated on a later one;
    with "labels" (which have no date, such as what a picture shows) on the labelled units, except those that
    `is_holdout` keeps for evaluation. `settings` are decided by the retailer (the price of a contact) and reach `fit`
    among its parameters. With `chooses_features` the platform selects the feature columns at each training.
    `has_rule` says that `baseline` learns nothing, so that it can serve a customer with too little data.
    Returned sales must not change a prediction unless the model `counts_returns`. `tolerance` is how much a unit's
    prediction may depend on the rest of its batch (torch: 1e-4).
    """

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    family: ClassVar[str]
    owner: ClassVar[str] = "team:data-science"
    method: ClassVar[str]
    baseline_name: ClassVar[str]

    task: ClassVar[Task]
    unit: ClassVar[tuple[str, ...]] = ("user_id",)
    ranked: ClassVar[str] = "item_id"
    extras: ClassVar[Mapping[str, str]] = {}
    horizon_days: ClassVar[int] = 30

    tables: ClassVar[tuple[str, ...]] = ()
    optional_tables: ClassVar[tuple[str, ...]] = ()
    features: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[Needs] = Needs()
    libraries: ClassVar[Mapping[str, str]] = {}

    learns_from: ClassVar[Literal["time", "labels"]] = "time"
    parameters: ClassVar[Mapping[str, Any]] = {}
    settings: ClassVar[Mapping[str, Any]] = {}
    search_space: ClassVar[Mapping[str, Sequence[Any]]] = {}
    chooses_features: ClassVar[bool] = False
    metric: ClassVar[str]
    promotion: ClassVar[Promotion] = Promotion()
    has_rule: ClassVar[bool] = False
    counts_returns: ClassVar[bool] = False
    tolerance: ClassVar[float] = 1e-9

    renamed_methods: ClassVar[Mapping[str, str]] = {
        "judged": "predict_quickly",
        "tried": "fit_and_predict_quickly",
        "held_out": "is_holdout",
    }
    """Former names of methods. A model that still overrides one by its former name has it called all the same."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Bind methods that a subclass defines by their former names to the present ones."""
        super().__init_subclass__(**options)
        for former, present in cls.renamed_methods.items():
            if former in vars(cls) and present not in vars(cls):
                setattr(cls, present, vars(cls)[former])

    @property
    def prediction_columns(self) -> tuple[str, ...]:
        """The columns of a prediction, in order."""
        answer = (self.ranked if name == "ranked" else name for name in PREDICTED_COLUMNS[self.task])
        return (*self.unit, *answer, *self.extras, "reasons")

    @property
    def outcome_columns(self) -> tuple[str, ...]:
        """The columns of an outcome, in order: the unit, then what came true for it."""
        return (*self.unit, *(self.ranked if name == "ranked" else name for name in OUTCOME_COLUMNS[self.task]))

    @property
    def key(self) -> list[str]:
        """The columns that identify a row of a prediction."""
        return [*self.unit, "rank"] if self.task == "ranking" else list(self.unit)

    @abstractmethod
    def outcome(self, snapshot: Snapshot, window: Mapping[str, ibis.Table]) -> pd.DataFrame:
        """Return what came true after the snapshot: `outcome_columns`, one row per unit (ranking: per relevant item).

        `window` holds only the rows of the model's tables in [as_of, as_of + horizon_days). The snapshot has its
        `tables` but no features, because outcomes are also computed for dates without features. The units of the
        outcome are the model's population: predict must cover each of them. A model that learns from labels finds the
        labels in `window`, which then holds all that is known as of the snapshot.
        """

    @abstractmethod
    def fit(self, train: Sequence[LabelledSnapshot], parameters: Mapping[str, Any], seed: int) -> Artefact:
        """Fit on past snapshots. Whatever is learned is in the Artefact; same input and seed, same bytes."""

    @abstractmethod
    def predict(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Return `prediction_columns` for the population of `snapshot`; each row of `reasons` holds 1 to 3 texts."""

    @abstractmethod
    def baseline(self, train: Sequence[LabelledSnapshot], snapshot: Snapshot) -> pd.DataFrame:
        """Predict as one would without this model, in the columns of predict (reasons may be empty lists)."""

    def predict_quickly(self, artefact: Artefact, snapshot: Snapshot) -> pd.DataFrame:
        """Predict as `predict` does, but `reasons` may be empty lists. Tuning calls it many times.

        Override it where reasons cost time.
        """
        return self.predict(artefact, snapshot)

    def fit_and_predict_quickly(
        self, train: Sequence[LabelledSnapshot], later: LabelledSnapshot, parameters: Mapping[str, Any], seed: int
    ) -> pd.DataFrame:
        """Fit on `train` and predict `later`, as cheaply as is enough to compare parameters or columns in tuning."""
        return self.predict_quickly(self.fit(train, parameters, seed), later)

    def is_holdout(self, snapshot: Snapshot, outcome: pd.DataFrame) -> pd.Series:
        """Return which rows of the outcome are kept for evaluation, if the model learns from labels.

        By default a fifth of the units, by a hash of their ids.
        """
        import pandas as pd

        lot = pd.util.hash_pandas_object(outcome[list(self.unit)].astype(str), index=False)
        return pd.Series(lot.to_numpy() % 5 == 0, index=outcome.index)


class Poolable(Model):
    """A model that can learn from the contributions of other customers of the vertical.

    `poolable` must be true too: the outcome then means the same at every retailer of a vertical.
    """

    poolable: ClassVar[bool] = False

    @abstractmethod
    def contribute(self, train: Sequence[LabelledSnapshot], seed: int) -> bytes:
        """Return what this customer gives to the pool of its vertical; nothing in it may identify a shopper."""

    @abstractmethod
    def fit_pooled(
        self, contributions: Mapping[str, bytes], snapshot: Snapshot, parameters: Mapping[str, Any], seed: int
    ) -> Artefact:
        """Fit on others' contributions, by customer; `snapshot` is of the customer that is predicted for."""
