"""One customer failing never changes another's result, in single and in bulk runs, and is told what to do."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from capflow_assets.contract.model import Artefact
from capflow_assets.contract.outcome import Outcome
from capflow_assets.contract.snapshot import LabelledSnapshot, Snapshot
from capflow_assets.graph.launch import open_instance
from capflow_assets.run.catalogue import models
from capflow_resources.home import Home
from tests.worlds.small_world import CHECKED, EVERYTHING, Seen, copied, made_from, on_board, reasons, run, seen

ALL = ("ann", "bob", "cleo")
ONE_MODEL = made_from("prediction/rfm_segments")
MODEL_AND_PREDICTION = ["model/rfm_segments", "prediction/rfm_segments"]
NOT_RUN = ("features/rhythm", "model/product_affinity", "prediction/product_affinity")
WELL = {"done", "reused", "not_available", "waiting"}


@pytest.fixture
def home(checked: Home, tmp_path: Path) -> Home:
    """Ann and cleo, validated; bob is yet to be on-boarded. A bulk run takes bob between them, as partitions lie."""
    home = copied(checked, tmp_path / "home")
    put_between(home, ["bob"])
    return home


def put_between(home: Home, bobs: list[str]) -> None:
    """Make partitions of bobs, between ann and cleo: a bulk run takes them in this order."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DAGSTER_HOME", "")
        with open_instance(home) as storage:
            storage.delete_dynamic_partition("customers", "cleo")
            storage.add_dynamic_partitions("customers", [*bobs, "cleo"])


@pytest.fixture
def data(small_data: dict[str, Path], tmp_path: Path) -> Path:
    """Bob's own copy of the sound files."""
    return Path(shutil.copytree(small_data["sound"], tmp_path / "data"))


def others_are_as_without_bob(home: Home, without_bob: dict[str, Seen], but: tuple[str, ...] = ()) -> None:
    """Tables, predictions, versions and champions of ann and cleo, to the last row and digest."""
    for name in ("ann", "cleo"):
        expected = {asset: found for asset, found in without_bob[name].items() if asset not in but}
        assert {"validated/line_items", "prediction/rfm_segments", "model/rfm_segments"} <= set(expected)
        assert seen(home.path, name, but) == expected


def rows_of(found: Seen) -> dict[str, tuple[int, str]]:
    """Each table's number of rows and their hash, where the customer's name is no column."""
    return {
        asset: (table[1], table[3]) for asset, table in found.items() if re.match("raw/|validated/|features/", asset)
    }


def nothing_half_written(home: Home, without_bob: dict[str, Seen], name: str = "bob") -> None:
    """What bob has is readable, and the same as ann has: his sound data are hers."""
    bob, ann = seen(home.path, name), rows_of(without_bob["ann"])
    assert rows_of(bob).items() <= ann.items()
    assert set(rows_of(bob)) == {asset for asset in bob if asset.split("/")[0] in ("raw", "validated", "features")}


def stopped(statuses: dict[str, str]) -> dict[str, str]:
    return {asset: status for asset, status in statuses.items() if status not in WELL}


@dataclass(frozen=True)
class Fault:
    """What is done to bob, what undoes it, where it shows first, and the words that must be in the ledger."""

    make: Callable[[Path, Path], None]
    mend: Callable[[Path, Path, Path], None]
    asset: str
    status: str
    words: tuple[str, ...]

    def words_of(self, bob: str) -> tuple[str, ...]:
        """The words, of a bob who has a number."""
        return tuple(re.sub(r"\bbob\b", bob, words) for words in self.words)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def cut(data: Path, file: Path) -> None:
    orders = data / "orders_2025.parquet"
    orders.write_bytes(orders.read_bytes()[: orders.stat().st_size // 2])


def scramble(data: Path, file: Path) -> None:
    """The end of the file, where its columns are described, stays; rows in the middle do not."""
    orders = data / "orders_2025.parquet"
    content = bytearray(orders.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 4000] = b"\xff" * 4000
    orders.write_bytes(content)


def send_again(data: Path, file: Path, sound: Path) -> None:
    shutil.copytree(sound, data, dirs_exist_ok=True)


FAULTS = {
    "missing file": Fault(
        lambda data, file: (data / "clients.parquet").unlink(),
        send_again,
        "raw/users",
        "failed",
        ("source 'clients' of 'bob'", "there is no file", "put the file there"),
    ),
    "truncated file": Fault(
        cut,
        send_again,
        "raw/line_items",
        "failed",
        ("source 'orders' of 'bob'", "orders_2025.parquet", "Send it again"),
    ),
    "scrambled file": Fault(
        scramble,
        send_again,
        "raw/line_items",
        "failed",
        ("source 'orders' of 'bob'", "cannot be read", "Send it again"),
    ),
    "no YAML": Fault(
        lambda data, file: edit(file, "tables:\n", "tables: [\n"),
        lambda data, file, sound: edit(file, "tables: [\n", "tables:\n"),
        "raw/line_items",
        "failed",
        ("bob.yaml",),
    ),
    "unknown key": Fault(
        lambda data, file: edit(file, "engine:", "engin:"),
        lambda data, file, sound: edit(file, "engin:", "engine:"),
        "raw/line_items",
        "failed",
        ("bob.yaml", "engin", "engine"),
    ),
    "column of the customer file that is not in the data": Fault(
        lambda data, file: edit(file, "bill_id: OrderNumber", "bill_id: OrderNumbr"),
        lambda data, file, sound: edit(file, "bill_id: OrderNumbr", "bill_id: OrderNumber"),
        "raw/line_items",
        "failed",
        ("source 'orders' of 'bob'", "OrderNumbr", "did you mean 'OrderNumber'?", "customers/bob.yaml"),
    ),
}


BROKEN = {name: f"bob_{number}" for number, name in enumerate(FAULTS)}


@dataclass(frozen=True)
class Broken:
    """One run of ann, cleo and a bob for each fault, and what became of it."""

    home: Home
    folder: Path
    statuses: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def broken(checked: Home, small_data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Broken:
    """A bulk run with all the bobs between ann and cleo, as partitions lie."""
    folder = tmp_path_factory.mktemp("broken")
    home = copied(checked, folder / "home")
    put_between(home, list(BROKEN.values()))
    for name, bob in BROKEN.items():
        data = Path(shutil.copytree(small_data["sound"], folder / bob))
        on_board(home, data, bob)
        FAULTS[name].make(data, home.customers_folder / f"{bob}.yaml")
    return Broken(home, folder, run(home, ["ann", *BROKEN.values(), "cleo"], ONE_MODEL))


def test_broken_sources_and_files_change_nothing_for_others(broken: Broken, without_bob: dict[str, Seen]) -> None:
    assert stopped(broken.statuses["ann"]) == stopped(broken.statuses["cleo"]) == {}
    others_are_as_without_bob(broken.home, without_bob, NOT_RUN)


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_source_or_file(
    name: str, broken: Broken, small_data: dict[str, Path], without_bob: dict[str, Seen]
) -> None:
    fault, bob, home = FAULTS[name], BROKEN[name], broken.home
    statuses = broken.statuses[bob]
    assert statuses[fault.asset] == fault.status
    assert statuses["prediction/rfm_segments"] == "blocked"
    told = reasons(home, bob)
    assert all(word in told[fault.asset] for word in fault.words_of(bob)), told[fault.asset]
    assert fault.words_of(bob)[0] in told["prediction/rfm_segments"]
    nothing_half_written(home, without_bob, bob)

    assert stopped(run(home, [bob], ONE_MODEL)[bob]) == stopped(statuses)
    assert reasons(home, bob) == told

    fault.mend(broken.folder / bob, home.customers_folder / f"{bob}.yaml", small_data["sound"])
    assert stopped(run(home, [bob], CHECKED)[bob]) == {}
    nothing_half_written(home, without_bob, bob)
    assert {f"validated/{table}" for table in ("line_items", "bills", "users")} <= set(seen(home.path, bob))


def test_what_was_mended_changes_nothing_for_others(broken: Broken, without_bob: dict[str, Seen]) -> None:
    others_are_as_without_bob(broken.home, without_bob, NOT_RUN)


def test_bad_data(home: Home, small_data: dict[str, Path], without_bob: dict[str, Seen]) -> None:
    on_board(home, small_data["doubled"], "bob")
    together = run(home, ALL, EVERYTHING)
    assert stopped(together["ann"]) == stopped(together["cleo"]) == {}
    assert {asset for asset, status in together["bob"].items() if status == "blocked"} == {
        asset
        for asset in EVERYTHING
        if asset.split("/")[0] in ("validation", "features", "model", "prediction", "performance")
    }
    assert "drop_duplicates: true in customers/bob.yaml" in reasons(home, "bob")["validation/report"]
    others_are_as_without_bob(home, without_bob)
    assert not [asset for asset in seen(home.path, "bob") if asset.startswith(("features/", "prediction/"))]
    assert home.registry.champions("bob") == []

    edit(home.customers_folder / "bob.yaml", "  line_items:\n", "  line_items:\n    drop_duplicates: true\n")
    assert stopped(run(home, ["bob"], ONE_MODEL)["bob"]) == {}
    assert home.registry.champion("bob", "rfm_segments") is not None
    others_are_as_without_bob(home, without_bob)


def raising(monkeypatch: pytest.MonkeyPatch, method: str, error: BaseException) -> pytest.MonkeyPatch:
    """From now on, until undone, rfm_segments raises `error` in `method` for bob, and works for all others."""
    kind = type(models()["rfm_segments"])
    works = getattr(kind, method)

    def fit(self: Any, train: list[LabelledSnapshot], *given: Any) -> Artefact:
        if train[0].customer == "bob":
            raise error
        return works(self, train, *given)

    def predict(self: Any, artefact: Artefact, snapshot: Snapshot) -> Any:
        if snapshot.customer == "bob" and not isinstance(snapshot, LabelledSnapshot):
            raise error
        return works(self, artefact, snapshot)

    monkeypatch.setattr(kind, method, {"fit": fit, "predict": predict}[method])
    return monkeypatch


def test_an_exception_in_fit_and_in_predict(
    home: Home, data: Path, without_bob: dict[str, Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_board(home, data, "bob")
    patch = raising(monkeypatch, "fit", ZeroDivisionError("no spend in any segment"))
    together = run(home, ALL, EVERYTHING)
    assert stopped(together["ann"]) == stopped(together["cleo"]) == {}
    assert stopped(together["bob"]) == {
        "model/rfm_segments": "failed",
        "prediction/rfm_segments": "blocked",
        "performance/rfm_segments": "blocked",
    }
    told = reasons(home, "bob")
    assert told["model/rfm_segments"].startswith(
        "model/rfm_segments of 'bob' broke by ZeroDivisionError: no spend in any segment. The traceback is in"
    )
    assert told["prediction/rfm_segments"] == f"model/rfm_segments: {told['model/rfm_segments']}"
    others_are_as_without_bob(home, without_bob)
    nothing_half_written(home, without_bob)
    bob = seen(home.path, "bob")
    assert bob["model/rfm_segments"] == {"versions": [], "champion": None, "events": []}
    assert bob["model/product_affinity"]["champion"] is not None
    assert "prediction/product_affinity" in bob
    assert "prediction/rfm_segments" not in bob
    assert rows_of(bob) == rows_of(without_bob["ann"])

    patch.undo()
    patch = raising(monkeypatch, "predict", ZeroDivisionError("nobody is left"))
    assert stopped(run(home, ["bob", "cleo"], MODEL_AND_PREDICTION)["bob"]) == {"prediction/rfm_segments": "failed"}
    assert "prediction/rfm_segments of 'bob' broke by" in reasons(home, "bob")["prediction/rfm_segments"]
    assert "prediction/rfm_segments" not in seen(home.path, "bob")
    others_are_as_without_bob(home, without_bob)

    patch.undo()
    assert run(home, ["bob"], MODEL_AND_PREDICTION)["bob"]["prediction/rfm_segments"] == "done"
    assert seen(home.path, "bob")["model/rfm_segments"]["champion"][0] == 1


class PanicException(BaseException):
    """As deltalake, obstore and polars raise it: not an Exception."""


WHATEVER = [
    (PanicException("called unwrap() on None"), "PanicException: called unwrap() on None"),
    (SystemExit(1), "SystemExit: 1"),
    (OSError("cannot read Gr\udcf6\udce9e.csv\0"), r"OSError: cannot read Gr\udcf6\udce9e.csv\0"),
    (MemoryError(), "MemoryError"),
]


def test_whatever_a_model_raises_stays_with_its_customer(
    home: Home, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_board(home, data, "bob")
    run(home, ["bob"], CHECKED)
    for error, words in WHATEVER:
        patch = raising(monkeypatch, "fit", error)
        together = run(home, ["bob", "cleo"], ["model/rfm_segments"], force=True)
        patch.undo()
        assert together == {"bob": {"model/rfm_segments": "failed"}, "cleo": {"model/rfm_segments": "done"}}
        assert f"model/rfm_segments of 'bob' broke by {words}" in reasons(home, "bob")["model/rfm_segments"]


def test_an_interrupt_is_no_customers_fault(home: Home, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_board(home, data, "bob")
    run(home, ["bob"], CHECKED)
    raising(monkeypatch, "fit", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(home, ["bob", "cleo"], ["model/rfm_segments"])
    assert not [row for row in home.registry.ledger() if row.asset == "model/rfm_segments"]


def test_what_dagster_cannot_store_of_one_customer_stays_with_it(
    home: Home, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from capflow_assets.graph import pipeline

    on_board(home, data, "bob")
    events = pipeline.events

    def choosy(context: Any, customer: str, outcome: Outcome) -> Iterator[Any]:
        if customer == "bob":
            raise TypeError("cannot store this fact")
        return events(context, customer, outcome)

    monkeypatch.setattr(pipeline, "events", choosy)
    assert run(home, ["bob", "cleo"], ["raw/users", "raw/items"]) == {
        "bob": {"raw/users": "done"},
        "cleo": {"raw/users": "reused", "raw/items": "reused"},
    }


@pytest.fixture
def small_disk(home: Home) -> Iterator[Callable[[str], None]]:
    """Bob's part of the lake on a disk of its own of some size; called again, it changes the size."""
    place = home.path / "lake" / "bob"
    place.mkdir()
    mounted = False

    def size(text: str) -> None:
        nonlocal mounted
        options = f"size={text},remount" if mounted else f"size={text}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no permission to mount a small disk: {done.stderr.strip()}")
        mounted = True

    try:
        yield size
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize(("size", "first"), [("24k", "raw/line_items"), ("120k", "validated/")], ids=str)
def test_a_full_disk(
    size: str,
    first: str,
    home: Home,
    data: Path,
    small_disk: Callable[[str], None],
    without_bob: dict[str, Seen],
) -> None:
    on_board(home, data, "bob")
    small_disk(size)
    together = run(home, ALL, ONE_MODEL)
    assert stopped(together["ann"]) == stopped(together["cleo"]) == {}
    failed = [asset for asset in ONE_MODEL if together["bob"][asset] == "failed"]
    assert failed[0].startswith(first)
    full(reasons(home, "bob")[failed[0]], f"{failed[0]} of 'bob' could not be written")
    others_are_as_without_bob(home, without_bob, NOT_RUN)
    nothing_half_written(home, without_bob)
    assert home.registry.champions("bob") == []

    small_disk("20m")
    assert stopped(run(home, ["bob"], ONE_MODEL)["bob"]) == {}
    nothing_half_written(home, without_bob)
    assert "prediction/rfm_segments" in seen(home.path, "bob")
    others_are_as_without_bob(home, without_bob, NOT_RUN)


def test_a_disk_that_is_full_in_the_end(
    home: Home, data: Path, small_disk: Callable[[str], None], without_bob: dict[str, Seen]
) -> None:
    """What was published before stays whole, the verdict too, when neither it nor a prediction can be written anew."""
    on_board(home, data, "bob")
    small_disk("1m")
    run(home, ALL, ONE_MODEL)
    before = seen(home.path, "bob")
    fill(home.path / "lake" / "bob" / "others.bin")
    assert run(home, ["bob"], ["prediction/rfm_segments"], force=True) == {"bob": {"prediction/rfm_segments": "failed"}}
    full(reasons(home, "bob")["prediction/rfm_segments"], "prediction/rfm_segments of 'bob' could not be written")
    assert seen(home.path, "bob") == before
    assert run(home, ["bob"], ["validation/report"]) == {"bob": {"validation/report": "failed"}}
    full(reasons(home, "bob")["validation/report"], "Could not write the object 'bob/validation/verdict.json'")
    assert seen(home.path, "bob") == before
    others_are_as_without_bob(home, without_bob, NOT_RUN)

    (home.path / "lake" / "bob" / "others.bin").unlink()
    assert stopped(run(home, ["bob"], ONE_MODEL)["bob"]) == {}
    assert seen(home.path, "bob") == before


def full(told: str, what: str) -> None:
    """What the ledger says of a full disk."""
    assert what in told
    assert "No space left on device" in told
    assert "ree space" in told
    assert "Send it again" not in told  # nobody's source is at fault


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as rest:
        try:
            while True:
                rest.write(b"x" * 512)
        except OSError:
            return


BASKETS = made_from("prediction/product_affinity")
NO_BASKETS = ("features/rhythm", "model/rfm_segments", "prediction/rfm_segments")


def damage(home: Home, how: str) -> None:
    """Remove a file of bob's champion, or put the tampered bytes of somebody else in its place."""
    champion = home.registry.champion("bob", "product_affinity")
    assert champion is not None
    file = home.path / "artefacts" / "bob" / "product_affinity" / champion.digest / next(iter(champion.files))
    if how == "missing":
        file.unlink()
    else:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)


@pytest.mark.parametrize("how", ["changed", "missing"])
def test_a_champion_whose_file_was_damaged(how: str, home: Home, data: Path, without_bob: dict[str, Seen]) -> None:
    on_board(home, data, "bob")
    run(home, ALL, made_from("model/product_affinity"))
    champion = seen(home.path, "bob")["model/product_affinity"]["champion"]
    damage(home, how)

    together = run(home, ALL, ["prediction/product_affinity"])
    assert together["ann"] == together["cleo"] == {"prediction/product_affinity": "done"}
    assert together["bob"] == {"prediction/product_affinity": "failed"}
    told = reasons(home, "bob")["prediction/product_affinity"]
    assert "Version 1 of product_affinity for 'bob' cannot be used" in told
    assert {"changed": "holds other bytes than were registered", "missing": "is missing"}[how] in told
    assert "train again" in told
    for name in ("ann", "cleo"):
        expected = {asset: found for asset, found in without_bob[name].items() if asset not in NO_BASKETS}
        assert seen(home.path, name, NO_BASKETS) == expected
    assert not (home.path / "lake" / "bob" / "prediction").exists()

    again = run(home, ["bob"], BASKETS)["bob"]  # which trains again, as it was told, and puts the same bytes back
    assert (again["model/product_affinity"], again["prediction/product_affinity"]) == ("done", "done")
    assert seen(home.path, "bob")["model/product_affinity"]["champion"] == champion


def test_a_damaged_champion_does_not_keep_out_a_version_of_new_data(home: Home, small_data: dict[str, Path]) -> None:
    on_board(home, small_data["yesterday"], "bob")
    run(home, ["bob"], BASKETS)
    damage(home, "missing")
    on_board(home, small_data["sound"], "bob")
    assert stopped(run(home, ["bob"], BASKETS)["bob"]) == {}
    champion = home.registry.champion("bob", "product_affinity")
    assert champion is not None
    assert champion.number == 2
    decided = home.registry.events("bob", "product_affinity")[-1]
    assert (decided.kind, decided.version) == ("promoted", 2)
    assert "Not compared with the champion: Version 1 of product_affinity for 'bob' cannot be used" in decided.reason
