"""Versions: what goes in comes out, the same thing once only, and bytes that were tampered with are refused."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from capflow_resources.objects import ObjectStore
from capflow_resources.registry import Metrics, Registry, RegistryError
from tests.registry.registry_world import AUC, register


def test_a_version_comes_back_as_it_was_registered(registry: Registry) -> None:
    made = register(registry)
    (found,) = registry.versions("giftco", "churn")
    assert made.created
    assert not found.created
    assert (found.number, found.columns, found.seed) == (1, ("recency_days", "visits"), 2**40)
    assert found.parameters == {"learning_rate": 0.05, "leaves": 15}
    assert found.facts == {"mean": [1.5, 2.0], "huge": 1e20, "note": "Größe"}
    assert isinstance(found.facts["huge"], float)
    assert found.metrics == AUC
    assert found.data_versions == {"features/rfm": 3}
    assert (found.trained_as_of, found.cpu_seconds) == (datetime(2011, 6, 1), 2.5)
    assert abs(found.created_at - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=5)
    assert found.uri == f"{registry.store.uri}/giftco/churn/{found.digest}"
    assert registry.version("giftco", "churn", 1) == found
    assert registry.load(found) == {"model.txt": b"tree 1\n" * 500, "parts/forest.bin": bytes(range(256))}


def test_times_are_kept_in_utc(registry: Registry) -> None:
    paris_noon = datetime(2011, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert register(registry, trained_as_of=paris_noon).trained_as_of == datetime(2011, 6, 1, 10)


def test_the_same_ingredients_and_bytes_are_the_same_version(registry: Registry) -> None:
    first = register(registry)
    again = register(registry, cpu_seconds=9.0)
    assert (again.number, again.created, again.cpu_seconds) == (1, False, first.cpu_seconds)
    assert len(registry.versions("giftco", "churn")) == 1
    assert [event.kind for event in registry.events("giftco", "churn")] == ["registered"]


@pytest.mark.parametrize(
    "changed",
    [
        {"mark": 2},
        {"data_versions": {"features/rfm": 4}},
        {"code_version": "2"},
        {"columns": ["visits", "recency_days"]},
        {"parameters": {"learning_rate": 0.1, "leaves": 15}},
        {"seed": 7},
        {"facts": {"mean": [1.5, 2.5]}},
        {"files": {"model.txt": b"tree 1\n" * 500}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_any_other_ingredient_makes_another_version(registry: Registry, changed: dict[str, object]) -> None:
    register(registry)
    other = register(registry, **changed)
    assert (other.number, other.created) == (2, True)


def test_customers_and_models_number_their_own_versions(registry: Registry) -> None:
    numbers = [
        register(registry, customer, model, mark=mark).number
        for customer in ("giftco", "grocerus")
        for model in ("churn", "cltv")
        for mark in (1, 2)
    ]
    assert numbers == [1, 2] * 4
    assert [version.customer for version in registry.versions("grocerus", "churn")] == ["grocerus"] * 2


def test_a_file_that_was_tampered_with_is_named(registry: Registry, tmp_path: Path) -> None:
    version = register(registry)
    path = tmp_path / "objects" / "giftco" / "churn" / version.digest / "parts" / "forest.bin"
    path.write_bytes(b"\1" + path.read_bytes()[1:])
    with pytest.raises(RegistryError, match=r"Version 1 of churn for 'giftco'.*parts/forest.bin.*other bytes"):
        registry.load(version)
    path.unlink()
    with pytest.raises(RegistryError, match=r"parts/forest.bin.* is missing"):
        registry.load(version)
    register(registry)  # the same version again: its bytes are put back
    assert registry.load(version)["parts/forest.bin"] == bytes(range(256))


def test_a_row_that_was_tampered_with_is_refused(registry: Registry) -> None:
    from capflow_resources.registry.tables import tables

    register(registry)
    with registry._database.writing() as connection:
        connection.execute(tables().version.update().values(facts={"mean": [0.0]}))
    with pytest.raises(RegistryError, match="its row in the registry was changed"):
        registry.load(registry.version("giftco", "churn", 1))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"customer": "../other"}, "cannot be the name of a customer"),
        ({"model": "Churn!"}, "cannot be the name of a model"),
        ({"files": {"../x": b""}}, "cannot be an object's key"),
        ({"files": {"manifest.json": b""}}, "the registry keeps its own there"),
        ({"facts": {"pair": (1, 2)}}, "facts would come back changed from JSON at pair"),
        ({"facts": {1: "one"}}, "facts would come back changed from JSON at 1"),
        ({"parameters": {"rate": float("nan")}}, "parameters cannot be stored as JSON"),
        ({"metrics": Metrics("auc", float("nan"), "recency", None, datetime(2011, 6, 1), 3)}, "value = nan"),
    ],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_written(
    registry: Registry, tmp_path: Path, changed: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        register(registry, **changed)
    assert not list((tmp_path / "objects").rglob("*.txt"))
    assert registry.versions("giftco", "churn") == []


def test_a_failed_put_leaves_no_version(registry: Registry, tmp_path: Path) -> None:
    from capflow_resources.objects import ObjectStoreError

    (tmp_path / "objects").write_text("a file where the folder should be")
    with pytest.raises(ObjectStoreError):
        register(registry)
    assert registry.versions("giftco", "churn") == []


def test_a_model_of_facts_alone_needs_no_files(registry: Registry, store: ObjectStore) -> None:
    version = register(registry, files={})
    assert registry.load(version) == {}
    assert store.list("giftco") == [f"giftco/churn/{version.digest}/manifest.json"]
