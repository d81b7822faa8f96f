"""What it may cost to fit a model in the small world, and how that is measured."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import TypeVar

FIT_SECONDS = 60.0
FIT_BYTES = 2 * 1024**3
MIB = 1024**2
STATUS, PEAK_RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")

T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """Seconds of processor time (on a busy machine the clock tells of others), and the most that memory grew by."""

    seconds: float
    grown_bytes: int


def measured(work: Callable[[], T]) -> tuple[T, Cost]:
    """What `work` returns, and what it cost.

    Where Linux lets a process forget its peak, the growth is that of the work alone. Elsewhere the peak is that since
    the process's start, so that one which used more before sees no growth: `capflow model check` measures in a new one.
    """
    forget_peak()
    before, began = peak_bytes(), process_time()
    result = work()
    return result, Cost(process_time() - began, max(peak_bytes() - before, 0))


def forget_peak() -> None:
    """Let the process's peak be what it holds now, where the kernel can."""
    if PEAK_RESET.exists():
        PEAK_RESET.write_text("5", encoding="ascii")


def peak_bytes() -> int:
    """The most memory that this process has held at once, in bytes."""
    if held := memory_of(STATUS, "VmHWM"):
        return held
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_of(status: Path, line: str) -> int:
    """One line of a process's status file of Linux (VmHWM: peak, VmRSS: now) in bytes; 0 when it is not there."""
    try:
        found = [words for words in status.read_text(encoding="ascii", errors="replace").splitlines() if line in words]
    except OSError:
        return 0
    return int(found[0].split()[1]) * 1024 if found else 0
