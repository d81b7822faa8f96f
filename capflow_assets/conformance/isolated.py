"""The conformance suite in a process of its own: whatever the model does there, it ends within a limit."""

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
"""What comes before every check: to fit the model in the small world and to ask it."""
MOST_BYTES = FIT_BYTES + 1024 * MIB  # of the whole process: Python, its libraries, the small world and the model
LOOK_SECONDS = 0.05


class NoModelError(ValueError):
    """There is no one model under that name or in that file."""


@dataclass(frozen=True)
class Result:
    """How one check ended, and why when it failed."""

    check: str
    status: Literal["ok", "failed", "not run"]
    why: str | None = None


@dataclass
class Report:
    """What the suite told of one model; `cost` is None when the model never learned."""

    model: str
    results: list[Result] = field(default_factory=list)
    cost: Cost | None = None
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every check was run and ended well."""
        return all(result.status == "ok" for result in self.results)


def judged(target: str, seconds: float, tell: Callable[[Result], object] = lambda result: None) -> Report:
    """The suite on a model of the catalogue or of a .py file, in a new process; `tell` hears each result as it comes.

    The process is ended after `seconds`, or when it takes more than 3 GiB of memory (seen on Linux alone): the check
    that it was at has failed, and those after it are not run. Raises NoModelError.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(target, theirs), daemon=False)
    began = monotonic()
    process.start()
    theirs.close()
    try:
        report = _listen(ours, target, lambda: _over(process.pid, monotonic() - began, seconds), tell)
    finally:
        if process.pid:
            _end(process.pid)
        process.join()
        ours.close()
    report.seconds = monotonic() - began
    return report


def _listen(told: Connection, target: str, over: Callable[[], str | None], tell: Callable[[Result], object]) -> Report:
    report = Report(target)
    left: list[str] = [LEARNS]

    def ended(status: Literal["ok", "failed", "not run"], why: str | None = None) -> None:
        report.results.append(Result(left.pop(0), status, why))
        tell(report.results[-1])

    kind: str
    what: Any
    broken: str | None = None
    while left and broken is None:
        kind, what = "", None
        try:
            if told.poll(LOOK_SECONDS):
                kind, what = told.recv()
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
            ended("ok" if what is None else "failed", what)
        broken = broken or over()
    while left:
        ended("failed" if broken else "not run", broken)
        broken = None
    return report


def _over(pid: int | None, spent: float, seconds: float) -> str | None:
    """Why the process must be ended now."""
    if spent > seconds:
        return f"not done after {seconds:g} s, the limit of the whole suite (--timeout)"
    if (held := memory_of(Path(f"/proc/{pid}/status"), "VmRSS")) > MOST_BYTES:
        return f"took {held / MIB:,.0f} MiB of memory; the limit of the whole process is {MOST_BYTES / MIB:,.0f} MiB"
    return None


def _end(pid: int) -> None:
    """End the process and what it started. It leads a group of its own, unless it had no time to make one."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):  # it has ended by itself
            kill(pid, signal.SIGKILL)


def _run(target: str, told: Connection) -> None:
    """In the new process: tell what the model is, then how the fit and every check ended."""
    from capflow_assets.conformance.checks import CHECKS
    from capflow_assets.conformance.fitted import Fitted, fitted
    from capflow_assets.run.catalogue import from_file, models

    os.setpgid(0, 0)
    os.dup2(2, 1)  # what a model prints is no part of the answer
    try:
        model = from_file(Path(target)) if target.endswith(".py") else models()[target]
    except (KeyError, ValueError) as error:
        told.send(("broken", " ".join(str(error).split())))
        return
    told.send(("model", (model.name, [check.__name__ for check in CHECKS])))
    learned: list[Fitted] = []
    told.send(("ended", _tried(lambda: learned.append(fitted(model)))))
    for one in learned:
        told.send(("cost", (one.cost.seconds, one.cost.grown_bytes)))
        for check in CHECKS:
            told.send(("ended", _tried(partial(check, one))))
    told.send(("done", None))


def _tried(work: Callable[[], object]) -> str | None:
    """Why it failed; None when it did not."""
    try:
        work()
    except Exception as error:
        return _why(error)
    return None


def _why(error: Exception) -> str:
    """The reason of a failed check; of an error that no check foresaw, also where it happened."""
    import traceback

    if isinstance(error, AssertionError) and str(error):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"
