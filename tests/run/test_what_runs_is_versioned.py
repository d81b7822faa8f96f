"""Every file that runs while an asset is made is in its code version: observed, not read from the imports."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from capflow_assets.run.catalogue import models, plugin_module
from capflow_assets.run.code_version import AVAILABILITY, ENDS, closure
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import run_customer
from capflow_assets.run.plan import MODEL_LAYERS, Step, plan
from capflow_resources.home import Home
from tests.run.test_older_home import CHAMPIONS, HOME, SHOP

ROOT = Path(__file__).resolve().parents[2]
LAYERS = ("validated", "validation", "features", "model", "prediction", "performance")


def below(modules: tuple[str, ...]) -> tuple[str, ...]:
    """The paths of modules and packages."""
    places = [ROOT.joinpath(*module.split(".")) for module in modules]
    return tuple(str(place) + ("/" if place.is_dir() else ".py") for place in places)


CARRIES = below(tuple(end for end in ENDS if end.count(".") < 2))  # partitions, resources, contract, run
SHOWS = below(tuple(end for end in ENDS if end.count(".") >= 2))


@contextmanager
def recorded(apart: tuple[str, ...]) -> Iterator[set[str]]:
    """The files of CapFlow whose functions run, but for what is called by `apart`."""
    found: set[str] = set()
    inside: list[FrameType] = []

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and not inside:
            file = frame.f_code.co_filename
            if file.startswith(apart):
                inside.append(frame)
            elif file.startswith(f"{ROOT}/capflow_assets/") and frame.f_code.co_name != "<module>":
                found.add(file)
        elif event == "return" and inside and inside[-1] is frame:
            inside.pop()

    sys.setprofile(profile)
    try:
        yield found
    finally:
        sys.setprofile(None)


def versioned(step: Step) -> set[str]:
    """The files of a step's code version."""
    door = step.door.split(":")[0]
    plugins: tuple[str, ...] = ()
    if step.layer in MODEL_LAYERS:
        plugins = (plugin_module("model", step.name),)
    elif step.layer == "features":
        plugins = (plugin_module("feature set", step.name),)
    elif step.layer == "validated":
        plugins = (plugin_module("table", step.name),)
    return {str(path) for path in closure(door, *plugins)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(HOME) as archive:
        archive.extractall(folder, filter="data")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CAPFLOW_HOME", str(folder))
        yield Home(folder)


@pytest.mark.parametrize("layer", LAYERS)
def test_what_runs_for_a_layer_is_in_its_code_version(home: Home, layer: str) -> None:
    wanted = {*CHAMPIONS, "campaign_response"} & set(models())
    steps = [s for s in plan().values() if s.layer == layer and (layer not in MODEL_LAYERS or s.name in wanted)]
    apart = SHOWS if layer == "validation" else SHOWS + below(AVAILABILITY)
    run, made = CustomerRun(home, SHOP, force=True), 0
    for step in steps:
        if step.door.startswith("capflow_assets.features.embeddings"):
            continue  # by kind of encoder: tests/features/test_embeddings_text.py
        with recorded(apart) as files:
            (outcome,) = run_customer(run, [step.asset])
        made += outcome.status == "done"
        assert files or outcome.status != "done"
        missing = {file for file in files - versioned(step) if not file.startswith(CARRIES)}
        missing = {file for file in missing if file != str(ROOT / "capflow_assets" / "validation" / "page.py")}
        assert {Path(file).relative_to(ROOT).as_posix() for file in missing} == set(), step.asset
    run.close()
    assert made >= 1
