"""Where a benchmark ran, printed with every result."""

from __future__ import annotations

import os
import platform
import resource
from pathlib import Path


def machine() -> str:
    """Processor, cores and Python of this machine."""
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]  # noqa: SIM115, PTH123
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def peak_mib() -> float:
    """The largest memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def of_children() -> tuple[float, float]:
    """CPU-seconds and the sum of the largest memories (MiB) of the other processes of this one's group."""
    cpu, peak = 0.0, 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            status = (stat.parent / "status").read_text()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[2]) != os.getpgrp() or stat.parent.name == str(os.getpid()):
            continue
        cpu += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        peak += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    return cpu, peak
