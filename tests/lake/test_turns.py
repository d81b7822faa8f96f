"""One run at a time for a customer, on one machine."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from capflow_resources.turns import BusyError, in_turn

CHILDREN = multiprocessing.get_context("forkserver")


def hold(folder: str, told: Connection) -> None:
    """Take bob's turn, and keep it until told to go on, or for ever."""
    for customer in in_turn(Path(folder), ["bob"]):
        told.send(customer)
        told.recv()
    told.send("done")


def holder(folder: Path) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    ours, theirs = CHILDREN.Pipe()
    child = CHILDREN.Process(target=hold, args=(str(folder), theirs), daemon=True)
    child.start()
    theirs.close()
    assert ours.recv() == "bob"
    return child, ours


def test_a_customer_that_another_process_works_on_comes_last_and_is_waited_for(tmp_path: Path) -> None:
    child, pipe = holder(tmp_path)
    order = []
    for customer in in_turn(tmp_path, ["ann", "bob", "cleo"]):
        order.append(customer)
        if customer == "cleo":
            assert not pipe.poll()
            pipe.send("go on")
        if customer == "bob":  # only now, for the other one has ended
            assert pipe.poll(30), "bob was taken while another process worked on him"
            assert pipe.recv() == "done"
    child.join()
    assert order == ["ann", "cleo", "bob"]


def test_a_process_that_is_killed_gives_up_its_turn(tmp_path: Path) -> None:
    child, _ = holder(tmp_path)
    child.kill()
    child.join()
    assert list(in_turn(tmp_path, ["bob", "cleo"])) == ["bob", "cleo"]


def test_the_turn_ends_when_the_work_raises(tmp_path: Path) -> None:
    turns = in_turn(tmp_path, ["bob"])
    assert next(turns) == "bob"
    turns.close()
    assert list(in_turn(tmp_path, ["bob"])) == ["bob"]


def test_waiting_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child, _ = holder(tmp_path)
    monkeypatch.setattr("capflow_resources.turns.WAIT_SECONDS", 0.3)
    turns = in_turn(tmp_path, ["ann", "bob"])
    assert next(turns) == "ann"
    with pytest.raises(BusyError, match=r"has held .*/bob for over"):
        next(turns)
    child.kill()
    child.join()
