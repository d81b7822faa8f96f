"""Every end that a run in a workspace can come to: one line that says what, where and what to do, for one customer."""

from __future__ import annotations

import os
import signal
import socket
import threading

import pytest
from dagster._core.pipes import utils

from capflow_assets.graph.launch import materialise, open_instance
from capflow_assets.run.plan import until
from tests.databricks.conftest import Installation
from tests.databricks.workspace import NO_QUOTA, PENDING, RUNNING, SKIPPED, SUCCESS, TOKEN, wait_for

ASSETS = ["validated/users", "features/rfm"]
WRONG = "dapi-wrong-fedcba9876543210"
ENDS = {
    "broke": "ended as INTERNAL_ERROR: Cluster could not be launched: CLOUD_PROVIDER_LAUNCH_FAILURE: VcpuLimitExceeded;"
    " fix what that says (a quota: a smaller max_workers or another node_type_id), then run again",
    "endless": "ran for over 1 seconds and was cancelled: see that page, or raise engine.options.run_timeout_seconds",
    "gone": "was out of reach for over 1 seconds and was cancelled: see that page, or raise engine.options.lost_",
    "mute": "succeeded but reported nothing about it: run again, what is fresh is reused",
    "never": "waited for its cluster for over 1 seconds and was cancelled: see that page, or raise engine.options.s",
    "second": "ended as SKIPPED: A previous run is still active; see that page, then run again",
}
REFUSED = {
    "wrong": "Invalid access token. Check engine.url, engine.options.token or DATABRICKS_*",
    "odd": "option run: jobb is unknown; did you mean 'job'?",
    "bare": "no wheel of CapFlow: build it",
}


@pytest.fixture(scope="module")
def ended(place: Installation) -> Installation:
    """One Dagster run over customers whose runs end in every way."""
    space = place.space
    for name, states, options in (
        ("broke", [PENDING, NO_QUOTA], {}),
        ("endless", [RUNNING], {"run_timeout_seconds": 1}),
        ("gone", [RUNNING], {"lost_seconds": 1, "timeout_seconds": 1}),
        ("mute", [PENDING, RUNNING, SUCCESS], {}),
        ("never", [PENDING], {"start_timeout_seconds": 1}),
        ("second", [SKIPPED], {}),
        ("wrong", [SUCCESS], {"token": WRONG}),
        ("odd", [SUCCESS], {"run": "jobb"}),
        ("bare", [SUCCESS], {"libraries": None}),
    ):
        space.script[name] = states
        place.add(name, **options)
    space.trouble["gone"] = {"runs/get": 1000}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, "WAIT_FOR_LOGS_AFTER_EXECUTION_INTERVAL", -1)  # none of them has a last word
        materialise(place.home, sorted(space.script), ASSETS)
    return place


@pytest.mark.parametrize("name", ENDS)
def test_the_end_of_a_run_is_told_in_one_line(ended: Installation, name: str) -> None:
    told = ended.outcomes(name)
    number = ended.space.requests(name)[0].number
    for asset in ASSETS:
        assert told[asset].status == "failed"
        assert ENDS[name] in told[asset].reason
        assert f"Databricks run {number}" in told[asset].reason
        assert "\n" not in told[asset].reason
    assert ended.materialised("features/rfm") == set()


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told_in_one_line(ended: Installation, name: str) -> None:
    told = ended.outcomes(name)["features/rfm"]
    assert told.status == "failed"
    assert f"engine databricks of '{name}'" in told.reason
    assert REFUSED[name] in told.reason
    assert "\n" not in told.reason
    assert ended.space.requests(name) == []


def test_what_was_given_up_is_cancelled_and_nothing_else(ended: Installation) -> None:
    given_up = {ended.space.requests(name)[0].number for name in ("endless", "gone", "never")}
    assert set(ended.space.cancelled) == given_up


def test_no_token_is_shown_or_kept(ended: Installation) -> None:
    assert ended.files_with(TOKEN) == []
    assert ended.files_with(WRONG) == ["home/customers/wrong.yaml"]  # where the test itself has written it


def test_a_dagster_run_that_is_ended_cancels_the_run_in_the_workspace(ended: Installation) -> None:
    """SIGINT is what Dagster's own termination of a run, and Ctrl-C, send to the process."""
    ended.space.script["stopped"] = [RUNNING]
    ended.add("stopped")

    def end() -> None:
        wait_for(lambda: ended.space.requests("stopped"))
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=end, daemon=True)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        materialise(ended.home, ["stopped"], ASSETS)
    thread.join(timeout=10)
    assert ended.space.cancelled[-1] == ended.space.requests("stopped")[0].number
    with open_instance(ended.home) as storage:
        assert storage.get_runs(limit=1)[0].is_finished


def test_a_workspace_that_never_answers_has_a_time_limit(ended: Installation) -> None:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        ended.add("nobody", timeout_seconds=1)
        file = ended.home.customers_folder / "nobody.yaml"
        file.write_text(file.read_text().replace(ended.space.host, f"http://127.0.0.1:{deaf.getsockname()[1]}"))
        materialise(ended.home, ["nobody"], ["features/rfm"])
    told = ended.outcomes("nobody")["features/rfm"]
    assert told.status == "failed"
    assert "no answer for 1 seconds (engine.options.timeout_seconds)" in told.reason
    assert "\n" not in told.reason


def test_a_source_that_cannot_be_read_starts_no_cluster(ended: Installation) -> None:
    ended.add("empty", data="nowhere")
    materialise(ended.home, ["empty"], [*until("raw"), "validated/users", "features/rfm"])
    told = ended.outcomes("empty")
    assert told["raw/users"].status == "failed"
    assert told["validated/users"].status == told["features/rfm"].status == "blocked"
    assert ended.space.requests("empty") == []
