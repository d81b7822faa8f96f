"""The limits on the cost of a fit in the synthetic shop, and how the cost is measured."""

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
    """Processor seconds (wall time would include other processes), and the peak growth of memory in bytes."""

    seconds: float
    grown_bytes: int


def measure_cost(work: Callable[[], T]) -> tuple[T, Cost]:
    """Run `work` and return its result and its cost.

    If Linux can reset the process's peak, the growth is that of the work alone. Elsewhere the peak counts since the
    start of the process, so that a process which used more before shows no growth: `capflow model check` starts a new
    process.
    """
    forget_peak()
    before, began = peak_bytes(), process_time()
    result = work()
    return result, Cost(process_time() - began, max(peak_bytes() - before, 0))


def forget_peak() -> None:
    """Reset the process's peak memory to its present use, where the kernel can."""
    if PEAK_RESET.exists():
        PEAK_RESET.write_text("5", encoding="ascii")


def peak_bytes() -> int:
    """Return the peak memory of this process in bytes."""
    if held := memory_of(STATUS, "VmHWM"):
        return held
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_of(status: Path, line: str) -> int:
    """Return a line of a Linux process's status file (VmHWM: peak, VmRSS: now) in bytes; 0 if it is not there."""
    try:
        found = [words for words in status.read_text(encoding="ascii", errors="replace").splitlines() if line in words]
    except OSError:
        return 0
    return int(found[0].split()[1]) * 1024 if found else 0
