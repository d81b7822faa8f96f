"""Where a benchmark ran, printed with every result."""

from __future__ import annotations

import os
import platform
import resource


def machine() -> str:
    """Processor, cores and Python of this machine."""
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]  # noqa: SIM115, PTH123
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def peak_mib() -> float:
    """The largest memory that this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
