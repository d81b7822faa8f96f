"""kill -9 at any point of a run leaves nothing half-written, and the next run completes; nor do two runs at once."""

from __future__ import annotations

import random
import re
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import dagster as dg
import ibis
import pytest
from click.testing import CliRunner

from capflow_assets.cli.commands.run import command
from capflow_assets.graph.launch import open_instance
from capflow_assets.run.status import list_status
from capflow_resources.home import Home
from capflow_resources.lake import Lake
from capflow_resources.processes import current_process
from tests.run.doomed import CHILDREN, READY, make_storage, run_at_once, run_until_killed, write_until_killed
from tests.worlds.small_world import CHECKED, EVERYTHING, MODELS, Seen, copied, on_board, reasons, run, seen

# In the order of a run: every child goes on from what the one before it left.
MOMENTS = [
    "inside write raw/line_items",
    "after write raw/line_items",
    "inside write validated/line_items",
    "after write validated/line_items",
    "before put verdict.json",
    "inside write features/rhythm",
    "before put manifest.json",
    "after register product_affinity",
    "inside write prediction/product_affinity",
    "inside write performance/product_affinity",
    "before promote rfm_segments",
    "before promote rfm_segments",  # again, and once more: the recovery is killed too
    "before promote rfm_segments",
    "after promote rfm_segments",
    "after write prediction/rfm_segments",
]


FIRST_MOMENTS = [  # where Dagster and the registry make their tables
    *(f"connect {file}.db, time {time}" for file in ("runs", "index", "schedules") for time in (2, 5)),
    "connect registry.db",
]


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory: pytest.TempPathFactory, small_data: dict[str, Path]) -> Home:
    """Ann after an undisturbed run on the orders of yesterday. To be copied, never changed."""
    home = Home(tmp_path_factory.mktemp("yesterday") / "home")
    on_board(home, small_data["yesterday"], "ann")
    run(home, ["ann"], EVERYTHING)
    return home


@pytest.fixture(scope="module")
def before(yesterday: Home) -> Seen:
    """What readers see of ann before today's run."""
    return seen(yesterday.path, "ann")


@pytest.fixture(scope="module")
def after(yesterday: Home, small_data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What readers see of ann after an undisturbed run on today's orders, which changes everything."""
    home = copied(yesterday, tmp_path_factory.mktemp("today") / "home")
    on_board(home, small_data["sound"], "ann")
    run(home, ["ann"], EVERYTHING)
    return seen(home.path, "ann")


@pytest.fixture
def home(yesterday: Home, small_data: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Yesterday's installation with today's orders: everything has an old version and is to have a new one."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home" / "dagster"))
    home = copied(yesterday, tmp_path / "home")
    on_board(home, small_data["sound"], "ann")
    return home


def child(target: Any, *arguments: Any) -> tuple[Any, Connection]:
    """A started child that has imported everything and told that it is ready."""
    ours, theirs = CHILDREN.Pipe()
    process = CHILDREN.Process(target=target, args=(*arguments, theirs))
    process.start()
    theirs.close()
    assert ours.recv() == READY
    return process, ours


def killed_at(home: Home, moment: str) -> None:
    """Run ann in a child that dies at `moment`; fails when the run never came there."""
    process, _ = child(run_until_killed, str(home.path), "ann", EVERYTHING, moment)
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"the run passed no moment '{moment}'"


def killed_after(home: Home, seconds: float) -> None:
    process, _ = child(run_until_killed, str(home.path), "ann", EVERYTHING, "never")
    process.join(seconds)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def whole(home: Home, before: Seen, after: Seen) -> Seen:
    """Each table, document and champion is entirely the old one or entirely the new one; it is returned."""
    now = seen(home.path, "ann")
    for name in {*now, *before, *after}:
        old, new = before.get(name), after.get(name)
        if not name.startswith("model/"):
            assert now.get(name) in (old, new), name
            continue
        found = now[name]
        assert found["champion"] in (old and old["champion"], new["champion"])
        assert found["versions"] in (old["versions"] if old else [], new["versions"])
        assert found["events"] == new["events"][: len(found["events"])]
        assert len(found["events"]) >= len(old["events"] if old else [])
    assert {row.model for row in list_status(Home(home.path), ["ann"])} == set(MODELS)
    return now


def in_dagster(home: Home) -> list[str]:
    """The states of all runs in Dagster's storage, the oldest first."""
    with open_instance(home) as storage:
        return [run.status.value for run in reversed(storage.get_runs())]


def completes(home: Home) -> None:
    """The next run, as a user types it."""
    models = [option for model in MODELS for option in ("--model", model)]
    done = CliRunner().invoke(command, ["--customer", "ann", "--home", str(home.path), *models])
    assert done.exit_code == 0, done.output
    assert reasons(home, "ann") == {}


def test_everything_changes_between_the_two_worlds(before: Seen, after: Seen) -> None:
    """Else the other tests would see nothing: old tables get new rows, new ones appear, a champion is crowned."""
    assert set(after) - set(before) == {"performance/product_affinity", "prediction/rfm_segments"}
    assert [name for name in before if before[name] == after[name]] == []
    assert before["prediction/product_affinity"][1:] != after["prediction/product_affinity"][1:]
    assert before["model/rfm_segments"]["champion"] is None
    assert after["model/rfm_segments"]["champion"] is not None


def test_killed_at_every_kind_of_moment(home: Home, before: Seen, after: Seen) -> None:
    states = []
    for moment in MOMENTS:
        killed_at(home, moment)
        now = whole(home, before, after)
        states.append(sum(now.get(name) == after[name] for name in after))
    assert states == sorted(states)  # no kill undoes what was there
    assert states[0] == 0
    assert states[-1] == len(after)
    runs = in_dagster(home)
    assert runs[1:] == ["FAILURE"] * (len(MOMENTS) - 1) + ["STARTED"]  # the last was killed and nobody looked since
    completes(home)
    assert seen(home.path, "ann") == after
    assert in_dagster(home)[1:] == ["FAILURE"] * len(MOMENTS) + ["SUCCESS"]


def test_killed_from_the_very_beginning(
    small_data: dict[str, Path], before: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a new installation, where the storages of Dagster and the registry are made by the run itself."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    home = Home(tmp_path / "home")
    on_board(home, small_data["yesterday"], "ann")
    for moment in FIRST_MOMENTS:
        killed_at(home, moment)
    nothing = {name: {"versions": [], "champion": None, "events": []} for name in before if name.startswith("model/")}
    for seconds in (0.3, 0.9, 1.8, 3.2):
        killed_after(home, seconds)
        whole(home, nothing, before)
    run(home, ["ann"], EVERYTHING)
    assert reasons(home, "ann") == {}
    assert seen(home.path, "ann") == before
    assert set(in_dagster(home)[:-1]) <= {"FAILURE"}
    assert in_dagster(home)[-1] == "SUCCESS"


def test_a_run_of_a_process_that_lives_is_left_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one of a dead process whose number another process has by now is not."""
    from capflow_assets.graph import launch

    tags = {"ours": current_process(), "reused": current_process() + "0", "elsewhere": "another-host:1:2"}
    with open_instance(home) as storage:
        made = {
            name: storage.create_run_for_job(_job(), tags={launch.PROCESS: tag}, status=dg.DagsterRunStatus.STARTED)
            for name, tag in tags.items()
        }
        launch.close_dead_runs(storage)
        found = {name: storage.get_run_by_id(run.run_id).status.value for name, run in made.items()}
    assert found == {"ours": "STARTED", "reused": "FAILURE", "elsewhere": "STARTED"}


def _job() -> dg.JobDefinition:
    from capflow_assets.definitions import defs

    return defs.resolve_job_def("everything")


def test_killed_in_the_middle_of_writing_a_table(tmp_path: Path) -> None:
    """Twenty kills at moments that nobody chose: every reader finds one whole version, and none is ever lost."""
    lake, chance, last = Lake(str(tmp_path)), random.Random(4), -1
    for _ in range(20):
        process, _ = child(write_until_killed, str(tmp_path))
        time.sleep(chance.uniform(0.02, 0.15))
        process.kill()
        process.join()
        version = lake.version("bob", "raw/bills")
        assert version is not None
        marks = lake.read("bob", "raw/bills", ibis.duckdb.connect(threads=1)).mark.value_counts(name="rows")
        assert marks.to_pyarrow().to_pylist() == [{"mark": version.facts["mark"], "rows": version.facts["rows"]}]
        assert version.version > last  # each child had published before it was killed
        last = version.version


def race(homes: list[Path], assets: list[str], rounds: int = 1, shared: str = "") -> list[list[str]]:
    """Run ann at the same moment from a process for each home, and give what each told in the end."""
    children = [child(run_at_once, str(path), "ann", assets, rounds, shared) for path in homes]
    for _, pipe in children:
        pipe.send("go")
    for process, _ in children:
        process.join(300)
    assert [process.exitcode for process, _ in children] == [0] * len(homes)
    return [[pipe.recv() for _ in range(rounds)] for _, pipe in children]


def test_two_commands_at_once_in_a_new_home(tmp_path: Path) -> None:
    """Both would make the tables of Dagster's storage."""
    for attempt in range(5):
        children = [child(make_storage, str(tmp_path / str(attempt))) for _ in range(2)]
        for _, pipe in children:
            pipe.send("go")
        assert [pipe.recv() for _, pipe in children] == ["0 runs"] * 2


def test_two_runs_at_once_in_a_new_home(
    small_data: dict[str, Path], before: Seen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    home = Home(tmp_path / "home")
    on_board(home, small_data["yesterday"], "ann")
    assert race([home.path, home.path], EVERYTHING) == [["ended with ['']"]] * 2
    assert seen(home.path, "ann") == before  # one of them did the work, once
    assert reasons(home, "ann") == {}
    assert in_dagster(home) == ["SUCCESS"] * 2


def test_two_machines_at_once_on_one_lake(small_data: dict[str, Path], before: Seen, tmp_path: Path) -> None:
    """They do not know of each other's turns: work may be done twice or told to be run again, never mixed up."""
    homes = [Home(tmp_path / name) for name in ("first", "second", "shared")]
    for home in homes:
        on_board(home, small_data["yesterday"], "ann")
    shared = homes[-1]
    assets = [*CHECKED, "features/rhythm"]
    ended = race([home.path for home in homes[:2]], assets, rounds=2, shared=str(shared.path))
    assert ended == [["ended with ['']"] * 2] * 2
    for told in reasons(shared, "ann").values():
        assert re.search("published by another process at the same moment: run again|capflow run --customer ann", told)
    seen(shared.path, "ann")
    run(shared, ["ann"], assets)
    assert reasons(shared, "ann") == {}
    now = seen(shared.path, "ann")
    tables = [name for name in before if name.split("/")[0] in ("raw", "validated", "features")]
    assert {name: (now[name][1], now[name][3]) for name in tables} == {
        name: (before[name][1], before[name][3]) for name in tables
    }
