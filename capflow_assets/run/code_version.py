"""The version of the code that makes a result, so that what other code made is made anew."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from capflow_assets.contract.model import Model

IMPORT = re.compile(
    r"^[ \t]*(?:from|import) ((?:capflow_assets|capflow_resources|partitions)\b[\w.]*)(?: import (\([^)]*\)|.+))?", re.M
)

TRAINING = (
    "capflow_assets.training.asset",
    "capflow_assets.training.leakage",
    "capflow_assets.training.search.selection",
    "capflow_assets.training.search.tuning",
)


def training_code(model: Model) -> str:
    """The version of all the code that decides what a training of `model` comes to."""
    return code_version(TRAINING[0], type(model).__module__, *TRAINING[1:])


@cache
def code_version(step: str, *libraries: str) -> str:
    """Twelve hex digits that change with the module `step`, or with a library module or whatever CapFlow it imports.

    The step's own imports do not count: where tables lie and how runs are recorded does not change a result.
    """
    own = _origin(step)
    files = {own} if own else set()
    for library in libraries:
        files |= _files(library, set())
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _files(module: str, seen: set[str]) -> set[Path]:
    if module in seen:
        return set()
    seen.add(module)
    path = _origin(module)
    if path is None:
        return set()
    found = {path}
    for name in _imports(path):
        found |= _files(name, seen)
    return found


def _imports(path: Path) -> set[str]:
    """CapFlow's modules that a file may mean by its imports.

    Found by a pattern: to parse every file took a fifth of a second at the start of each process.
    """
    names: set[str] = set()
    for module, taken in IMPORT.findall(path.read_text(encoding="utf-8")):
        names |= {module, *(f"{module}.{name}" for name in re.findall(r"\w+", taken))}
    return {name for name in names if "." in name}


def _origin(module: str) -> Path | None:
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None
