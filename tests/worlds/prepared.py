"""Worlds of small retailers, computed once and copied by the tests that go on from them."""

from pathlib import Path

import pytest

from capflow_resources.home import Home
from tests.worlds.small_world import (
    CHECKED,
    EVERYTHING,
    Seen,
    as_of_yesterday,
    copied,
    on_board,
    run,
    seen,
    simulated,
)


def small_data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of files: "sound", "yesterday" (its first six months) and "doubled" (a file loaded twice)."""
    folder = tmp_path_factory.mktemp("small")
    sound = simulated(folder / "sound")
    return {
        "sound": sound,
        "yesterday": as_of_yesterday(sound, folder / "yesterday"),
        "doubled": simulated(folder / "doubled", defects=("duplicated_load",)),
    }


def checked(tmp_path_factory: pytest.TempPathFactory, small_data: dict[str, Path]) -> Home:
    """Ann and cleo, validated; bob does not exist. To be copied, never changed."""
    home = Home(tmp_path_factory.mktemp("checked") / "home")
    on_board(home, small_data["sound"], "ann", "cleo")
    run(home, ["ann", "cleo"], CHECKED)
    return home


def without_bob(checked: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """What readers see of ann and cleo when everything was made for them in a world without bob."""
    home = copied(checked, tmp_path_factory.mktemp("without_bob") / "home")
    run(home, ["ann", "cleo"], EVERYTHING)
    return {name: seen(home.path, name) for name in ("ann", "cleo")}
