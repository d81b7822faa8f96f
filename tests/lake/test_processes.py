"""Whether a process is alive, by its number and its start: a number is given again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from capflow_resources.processes import current_process, has_died, is_alive


def test_this_process_is_alive_and_another_start_of_its_number_is_not() -> None:
    host, pid, start = current_process().split(":")
    assert (host, int(pid)) == (socket.gethostname(), os.getpid())
    assert is_alive(os.getpid())
    assert is_alive(os.getpid(), start)
    assert not is_alive(os.getpid(), start + "0")


def test_a_process_of_another_user_is_alive() -> None:
    assert is_alive(1)


def test_an_ended_process_has_died_and_one_of_another_host_has_not() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait(timeout=60)
    assert not is_alive(process.pid)
    assert has_died(f"{socket.gethostname()}:{process.pid}:1")
    assert not has_died(f"elsewhere:{process.pid}:1")
    assert not has_died("")
    assert not has_died(current_process())
