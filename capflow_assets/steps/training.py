"""model/<name>: learn from past snapshots, judge on a later one, register the version, and promote it by its rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import process_time
from typing import Any

from capflow_assets.features.snapshots import snapshot_dates
from capflow_assets.models.base import Artefact, Model, Snapshot
from capflow_assets.models.catalogue import models
from capflow_assets.steps.card import keep_card, picture_of, shown_card
from capflow_assets.steps.code_version import code_version
from capflow_assets.steps.honest import warnings
from capflow_assets.steps.outcome import Blocked, NotAvailable, Outcome, Status
from capflow_assets.steps.run import CustomerRun
from capflow_assets.steps.settings import asked, recipe, starts
from capflow_assets.steps.worlds import data_versions, lived
from capflow_assets.training import card, curves
from capflow_assets.training.folds import narrowed
from capflow_assets.training.metrics import Evaluation, metric
from capflow_assets.training.needs import unmet
from capflow_assets.training.promotion import Decision, decide
from capflow_assets.training.selection import choose
from capflow_assets.training.split import Split, TooLittleHistoryError, split
from capflow_assets.training.tuning import tune
from capflow_resources.registry import Metrics, RegistryError, Version

SEED = 7
AUTOMATION = ("capflow_assets.training.leakage", "capflow_assets.training.selection", "capflow_assets.training.tuning")


@dataclass(frozen=True)
class Trial:
    """A fitted model on its test date, beside its baseline and the champion on the same users."""

    artefact: Artefact
    parameters: dict[str, Any]
    test: Snapshot
    challenger: Evaluation
    baseline: Evaluation
    champion: Evaluation | None
    decision: Decision
    plot: bytes
    card: dict[str, Any]


def train(run: CustomerRun, asset: str) -> Outcome:
    """Train one model of one customer; the version that was judged is the version that is kept."""
    model = wanted(run, asset)
    dates = _dates(run, model)
    ingredients: dict[str, Any] = {
        "seed": SEED,
        "code_version": training_code(model),
        "data_versions": data_versions(run, model),
    }
    mark = recipe(run, model)
    if not run.force and (same := _same(run, model, ingredients, mark)):
        return _outcome(run, asset, same, "reused", f"unchanged since v{same.number}")
    began = process_time()
    trial = _try(run, model, dates)
    version = run.home.registry.register(
        run.name,
        model.name,
        trial.artefact.files,
        columns=trial.artefact.columns,
        parameters=trial.parameters,
        facts={**trial.artefact.facts, "recipe": mark, "vertical": run.customer.vertical},
        metrics=_metrics(model, trial),
        trained_as_of=dates.test,
        cpu_seconds=process_time() - began,
        **ingredients,
    )
    keep_card(run, version, trial.card, trial.plot)
    _publish(run, model, version, trial.decision)
    return _outcome(run, asset, version, "done", trial.decision.reason)


def training_code(model: Model) -> str:
    """The version of all the code that decides what a training of `model` comes to."""
    return code_version(__name__, type(model).__module__, *AUTOMATION)


def wanted(run: CustomerRun, asset: str) -> Model:
    """The model of an asset, once the customer passed the gate and asked for the model."""
    model = models()[asset.split("/")[1]]
    if not run.customer.wants(model.name):
        raise NotAvailable(f"'{run.name}' did not ask for {model.name}: models in its customer file does not name it")
    run.require_passed()
    return model


def _dates(run: CustomerRun, model: Model) -> Split:
    """The dates to learn from and to be judged on; NotAvailable says what the customer's data lacks."""
    reason = unmet(model, run.facts())
    if reason is not None:
        raise NotAvailable(f"{model.name} {reason}")
    as_of = run.as_of()
    for chosen in model.features:
        version = run.version(f"features/{chosen}")
        if version is None or version.facts["as_of"] != as_of.isoformat():
            raise Blocked(
                f"features/{chosen} of '{run.name}' are not as of {as_of:%Y-%m-%d}: "
                f"run `capflow run --customer {run.name} --model {model.name}`"
            )
    try:
        return split(as_of, model.horizon_days, snapshot_dates(as_of, run.first_sale()))
    except TooLittleHistoryError as reason_in_words:
        raise NotAvailable(f"{model.name}: {reason_in_words}") from reason_in_words


def _try(run: CustomerRun, model: Model, dates: Split) -> Trial:
    past = [lived(run, model, date) for date in dates.train]
    _require_both_classes(run, model, past)
    test = lived(run, model, dates.test)
    _require_both_classes(run, model, [test])
    warned = warnings(run, model, past, test)
    selection = choose(model, past, asked(run, model), SEED) if model.chooses_features else None
    shown = [narrowed(snapshot, selection.columns) for snapshot in past] if selection else past
    tuned = tune(model, shown, asked(run, model), starts(run, model), run.customer.training.tuning_seconds, SEED)
    artefact = model.fit(shown, tuned.parameters, SEED)
    told: dict[str, Any] = {"train_dates": [snapshot.as_of.isoformat() for snapshot in past]}
    told |= {"chosen_columns": list(selection.columns)} if selection else {}
    told |= {"warnings": warned} if warned else {}
    artefact = replace(artefact, facts={**artefact.facts, **told})
    evidence = {"selection": selection.facts() if selection else None, "tuning": tuned.facts}
    assert test.outcome is not None
    if test.outcome.empty:
        raise NotAvailable(
            f"{model.name}: nobody to test on in the {model.horizon_days} days after {dates.test:%Y-%m-%d}"
        )
    judged = metric(model.metric)
    prediction = model.predict(artefact, test)
    challenger = judged.evaluate(test.outcome, prediction)
    baseline_prediction = model.baseline(past, test)
    baseline = judged.evaluate(test.outcome, baseline_prediction)
    rival, lost = _rival(run, model, test)
    rival_prediction = None if rival is None else model.predict(rival, test)
    champion = None if rival_prediction is None else judged.evaluate(test.outcome, rival_prediction)
    paired = None if rival_prediction is None else judged.paired(test.outcome, prediction, rival_prediction)
    decision = decide(challenger, baseline, champion, model.promotion, paired)
    if lost:
        decision = replace(decision, reason=f"{decision.reason}. Not compared with the champion: {lost}")
    plot = curves.draw(model.task, f"{run.name} / {model.title}", test.outcome, prediction)
    on_card = card.kept(model, past, test, artefact.facts, prediction, baseline_prediction, rival_prediction, evidence)
    return Trial(artefact, tuned.parameters, test, challenger, baseline, champion, decision, plot, on_card)


def load(run: CustomerRun, version: Version) -> Artefact:
    """A registered version as the model reads it, each file proven by its checksum."""
    return Artefact(run.home.registry.load(version), version.columns, version.facts)


def _rival(run: CustomerRun, model: Model, test: Snapshot) -> tuple[Artefact | None, str]:
    """The champion to compare with, and why there is none when it cannot predict any more: damaged, features gone."""
    champion = run.home.registry.champion(run.name, model.name)
    if champion is None:
        return None, ""
    gone = sorted(set(champion.columns) - set(test.features.columns))
    if gone:
        return None, f"it was fitted on {', '.join(gone[:3])}, no feature any more"
    damage = _damage(run, champion)
    return (None, damage) if damage else (load(run, champion), "")


def _damage(run: CustomerRun, version: Version) -> str | None:
    """Why a version's files cannot be used any more, None when they are what was registered."""
    try:
        run.home.registry.load(version)
    except RegistryError as error:
        return str(error)
    return None


def _require_both_classes(run: CustomerRun, model: Model, past: Sequence[Snapshot]) -> None:
    if model.task != "binary":
        return
    labels = [label for snapshot in past if snapshot.outcome is not None for label in snapshot.outcome["label"]]
    positives = int(sum(labels))
    reason = unmet(model, run.facts(positives, len(labels) - positives))
    if reason is not None:
        raise NotAvailable(f"{model.name} {reason}")


def _same(run: CustomerRun, model: Model, ingredients: dict[str, Any], mark: str) -> Version | None:
    """The last version, when it was made from exactly these ingredients, judged to the end, and is still whole."""
    for version in run.home.registry.versions(run.name, model.name)[-1:]:
        alike = all(getattr(version, name) == value for name, value in ingredients.items())
        alike = alike and version.facts.get("recipe") == mark
        return version if alike and _decided(run, version) and _damage(run, version) is None else None
    return None


def _decided(run: CustomerRun, version: Version) -> bool:
    events = run.home.registry.events(version.customer, version.model)
    return any(event.version == version.number and event.kind in ("promoted", "kept") for event in events)


def _metrics(model: Model, trial: Trial) -> Metrics:
    return Metrics(
        model.metric,
        trial.challenger.value,
        model.baseline_name,
        trial.baseline.value,
        trial.test.as_of,
        trial.challenger.users,
        trial.challenger.low,
        trial.challenger.high,
        None if trial.champion is None else trial.champion.value,
    )


def _publish(run: CustomerRun, model: Model, version: Version, decision: Decision) -> None:
    """Promote or keep a new version. One that was judged before stays as it is: it may have been rolled back since."""
    if _decided(run, version):
        return
    settle = run.home.registry.promote if decision.promoted else run.home.registry.keep
    settle(run.name, model.name, version.number, decision.reason)


def _outcome(run: CustomerRun, asset: str, version: Version, status: Status, reason: str) -> Outcome:
    plot = picture_of(run.home, version)
    champion = run.home.registry.champion(version.customer, version.model)
    found = version.metrics
    facts = {
        "version": version.number,
        "champion": champion.number if champion else None,
        found.name: found.value,
        "95 % interval": None if found.low is None else f"{found.low:.4g} to {found.high:.4g}",
        f"baseline: {found.baseline_name}": found.baseline_value,
        "tested on": found.tested_as_of.isoformat(),
        "users": found.rows,
        "columns": list(version.columns),
        "warnings": list(version.facts.get("warnings", ())),
        "cpu_seconds": version.cpu_seconds,
        "digest": version.digest[:12],
        **shown_card(run, version),
    }
    return Outcome(asset, status, reason, facts, {"on the test date": plot} if plot else {})
