"""Run the conformance suite in a process of its own, so that it ends within limits whatever the model does."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from capflow_assets.conformance.limits import FIT_BYTES, MIB, Cost, memory_of

LEARNS = "learns_and_predicts"
"""What comes before every check: to fit the model in the synthetic shop and to predict."""
MOST_BYTES = FIT_BYTES + 1024 * MIB  # of the whole process: Python, its libraries, the synthetic shop and the model
LOOK_SECONDS = 0.05


class NoModelError(ValueError):
    """There is no model of that name, or not exactly one in that file."""


@dataclass(frozen=True)
class Result:
    """How one check ended, and why if it failed."""

    check: str
    status: Literal["ok", "failed", "not run"]
    why: str | None = None


@dataclass
class ConformanceReport:
    """The results of the suite for one model; `cost` is None if it was never fitted."""

    model: str
    results: list[Result] = field(default_factory=list)
    cost: Cost | None = None
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every check ran and passed."""
        return all(result.status == "ok" for result in self.results)


def check_in_new_process(
    target: str, seconds: float, report_result: Callable[[Result], object] = lambda result: None
) -> ConformanceReport:
    """Run the suite in a new process on a model of the catalogue or of a .py file; report each result as it comes.

    The process is killed after `seconds`, or when it takes more than 3 GiB of memory (measured on Linux only): the
    running check has then failed, and those after it are not run. Raises NoModelError.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(target, theirs), daemon=False)
    began = monotonic()
    process.start()
    theirs.close()
    try:
        report = _listen(
            ours, target, lambda: _limit_exceeded(process.pid, monotonic() - began, seconds), report_result
        )
    finally:
        if process.pid:
            _end(process.pid)
        process.join()
        ours.close()
    report.seconds = monotonic() - began
    return report


def _listen(
    messages: Connection,
    target: str,
    limit_exceeded: Callable[[], str | None],
    report_result: Callable[[Result], object],
) -> ConformanceReport:
    """Collect the results that the process sends, until it is done, ends by itself, or exceeds a limit."""
    report = ConformanceReport(target)
    left: list[str] = [LEARNS]

    def add_result(status: Literal["ok", "failed", "not run"], why: str | None = None) -> None:
        report.results.append(Result(left.pop(0), status, why))
        report_result(report.results[-1])

    kind: str
    what: Any
    broken: str | None = None
    while left and broken is None:
        kind, what = "", None
        try:
            if messages.poll(LOOK_SECONDS):
                kind, what = messages.recv()
        except EOFError:
            broken = "the process ended by itself: a crash of a library, or an exit in the model's code"
        if kind == "done":
            break
        if kind == "broken":
            raise NoModelError(what)
        if kind == "model":
            report.model, left = what[0], [LEARNS, *what[1]]
        elif kind == "cost":
            report.cost = Cost(*what)
        elif kind == "ended":
            add_result("ok" if what is None else "failed", what)
        broken = broken or limit_exceeded()
    while left:
        add_result("failed" if broken else "not run", broken)
        broken = None
    return report


def _limit_exceeded(pid: int | None, spent: float, seconds: float) -> str | None:
    """Return why the process must be killed now, None if it may go on."""
    if spent > seconds:
        return f"not done after {seconds:g} s, the limit of the whole suite (--timeout)"
    if (held := memory_of(Path(f"/proc/{pid}/status"), "VmRSS")) > MOST_BYTES:
        return f"took {held / MIB:,.0f} MiB of memory; the limit of the whole process is {MOST_BYTES / MIB:,.0f} MiB"
    return None


def _end(pid: int) -> None:
    """Kill the process and its children. It leads a process group, unless it had no time to create one."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):  # it has ended by itself
            kill(pid, signal.SIGKILL)


def _run(target: str, messages: Connection) -> None:
    """Send, from the new process, the model's name and checks, then how the fit and every check ended."""
    from capflow_assets.conformance.checks import CHECKS
    from capflow_assets.conformance.fitted import Fitted, fitted
    from capflow_assets.run.catalogue import from_file, models

    os.setpgid(0, 0)
    os.dup2(2, 1)  # what a model prints is no part of the answer
    try:
        model = from_file(Path(target)) if target.endswith(".py") else models()[target]
    except (KeyError, ValueError) as error:
        messages.send(("broken", " ".join(str(error).split())))
        return
    messages.send(("model", (model.name, [check.__name__ for check in CHECKS])))
    learned: list[Fitted] = []
    messages.send(("ended", _failure(lambda: learned.append(fitted(model)))))
    for one in learned:
        messages.send(("cost", (one.cost.seconds, one.cost.grown_bytes)))
        for check in CHECKS:
            messages.send(("ended", _failure(partial(check, one))))
    messages.send(("done", None))


def _failure(work: Callable[[], object]) -> str | None:
    """Run `work` and return why it failed, None if it did not."""
    try:
        work()
    except Exception as error:
        return _reason(error)
    return None


def _reason(error: Exception) -> str:
    """Return the message of a failed check; for any other error, also where it happened."""
    import traceback

    if isinstance(error, AssertionError) and str(error):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"
