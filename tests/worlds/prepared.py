"""Worlds of small retailers, made once for all workers and copied by the tests that go on from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from capflow_resources.home import Home
from tests.worlds.once import made_once
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

    def make(folder: Path) -> None:
        sound = simulated(folder / "sound")
        as_of_yesterday(sound, folder / "yesterday")
        simulated(folder / "doubled", defects=("duplicated_load",))

    folder = made_once(tmp_path_factory, "small", make)
    return {name: folder / name for name in ("sound", "yesterday", "doubled")}


def checked(tmp_path_factory: pytest.TempPathFactory, small_data: dict[str, Path]) -> Home:
    """Ann and cleo, validated; bob does not exist. To be copied, never changed."""

    def make(folder: Path) -> None:
        home = Home(folder)
        on_board(home, small_data["sound"], "ann", "cleo")
        run(home, ["ann", "cleo"], CHECKED)
        home.registry.close()

    return Home(made_once(tmp_path_factory, "checked", make))


def without_bob(checked: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """What readers see of ann and cleo when everything was made for them in a world without bob."""
    home = copied(checked, tmp_path_factory.mktemp("without_bob") / "home")
    run(home, ["ann", "cleo"], EVERYTHING)
    return {name: seen(home.path, name) for name in ("ann", "cleo")}
