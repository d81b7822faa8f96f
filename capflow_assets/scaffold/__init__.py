"""The scaffold: a complete, working model and its test to start from, one template per kind.

A template is the Python file of a model called new_model; only that name is replaced.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

TEMPLATES = Path(__file__).parent
MOST_LETTERS = 40
OWN = "capflow_assets.models"


@dataclass(frozen=True)
class Kind:
    """The test of a template, and the library it needs with the extra of CapFlow that installs it."""

    test: str
    library: str | None = None
    extra: str | None = None


KINDS: Mapping[str, Kind] = {
    "classifier": Kind("binary"),
    "forecaster": Kind("forecast"),
    "keras": Kind("binary", "keras", "keras"),
    "recommender": Kind("ranking"),
    "regressor": Kind("regression"),
    "rule": Kind("binary"),
    "segmenter": Kind("segment"),
    "sklearn": Kind("binary", "skops", "skops"),
    "torch": Kind("binary", "torch", "deep"),
    "uplift": Kind("uplift"),
}


class ScaffoldError(ValueError):
    """The model cannot be written; the message says why in one line."""


@dataclass(frozen=True)
class Scaffolded:
    """The files written, the lines to add to `pyproject` by hand ("" if none), and the command to check the model."""

    files: tuple[Path, ...]
    pyproject: Path
    to_add: str
    check: str


def scaffold(name: str, kind: str, package: Path | None, here: Path, taken: Sequence[str]) -> Scaffolded:
    """Write a model and its test into the checkout of CapFlow around `here`, else into `package` (or `here`).

    Nothing is overwritten, and either all files are written or none. `taken` are the names of existing models.
    Raises ScaffoldError.
    """
    _refuse_name(name, taken)
    checkout = None if package else _checkout(here)
    if checkout:
        files = dict(_render(name, kind, OWN, checkout / OWN.replace(".", "/"), checkout / "tests/models"))
        _write(files)
        return Scaffolded(tuple(files), checkout / "pyproject.toml", "", f"capflow model check {name}")
    return _in_package(name, kind, package or here)


def class_name(name: str) -> str:
    """Return the class name of a model: NextVisit for next_visit."""
    return "".join(word.capitalize() for word in name.split("_") if word)


def _refuse_name(name: str, taken: Sequence[str]) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ScaffoldError(f"name '{name}' may hold only a-z, 0-9 and '_', and starts with a letter")
    if len(name) > MOST_LETTERS:
        raise ScaffoldError(f"name '{name}' has {len(name)} letters; {MOST_LETTERS} are enough")
    if keyword.iskeyword(name) or keyword.iskeyword(class_name(name)):
        raise ScaffoldError(f"name '{name}' is a word of Python itself; take another")
    if name in taken:
        raise ScaffoldError(f"there is a model '{name}' already; take another name")


def _checkout(here: Path) -> Path | None:
    """Return the checkout of CapFlow that contains `here`, None if there is none."""
    for folder in (here.resolve(), *here.resolve().parents):
        project = folder / "pyproject.toml"
        if project.is_file() and (folder / OWN.replace(".", "/")).is_dir():
            return folder if re.search(r'^name = "capflow"$', project.read_text(encoding="utf-8"), re.M) else None
    return None


def _in_package(name: str, kind: str, folder: Path) -> Scaffolded:
    """Write into a folder of another project: a package, or loose modules beside a pyproject.toml."""
    if folder.exists() and not folder.is_dir():
        raise ScaffoldError(f"{folder} is a file; --package takes a folder")
    place, root = _module(folder)
    module = f"{place}.{name}" if place else name
    if not place:
        _refuse_module(name)
    project = root / "pyproject.toml"
    is_new = not project.exists() and not (folder.is_dir() and any(folder.iterdir()))
    files = dict(_render(name, kind, place, folder, folder / "tests"))
    entry = f'{name} = "{module}:{class_name(name)}"'
    if is_new:
        files[project] = _project(name, entry, KINDS[kind].extra)
    _write(files)
    to_add = f'[project.entry-points."capflow.models"]\n{entry}\n'
    if not place:
        to_add += f'\n[tool.setuptools]\npy-modules = ["{name}"]\n'
    check = f"capflow model check {folder / name}.py, and pip install -e {root} to have it everywhere"
    return Scaffolded(tuple(files), project, "" if is_new else to_add, check)


def _module(folder: Path) -> tuple[str, Path]:
    """Return the package name of a folder ("" if it is none), and the folder around the outermost package."""
    parts: list[str] = []
    root = folder
    while (root / "__init__.py").exists():
        parts, root = [root.resolve().name, *parts], root.resolve().parent
    return ".".join(parts), root


def _refuse_module(name: str) -> None:
    if name in sys.stdlib_module_names or name in ("tests", "test") or find_spec(name) is not None:
        raise ScaffoldError(f"a module '{name}' is installed already and would hide the model; take another name")


def _render(name: str, kind: str, place: str, models: Path, tests: Path) -> Iterator[tuple[Path, str]]:
    """Yield the path and the text of the model and of its test."""
    chosen = KINDS[kind]
    test = _template("test_model") + _template(f"test_{chosen.test}")
    if chosen.library:  # not importorskip: Keras must not be imported before its backend is chosen
        skip = f'pytest.mark.skipif(find_spec("{chosen.library}") is None, reason="needs capflow[{chosen.extra}]")'
        test = test.replace("import pytest\n", "from importlib.util import find_spec\n\nimport pytest\n", 1)
        test = test.replace("\n\n@pytest.fixture", f"\npytestmark = {skip}\n\n\n@pytest.fixture", 1)
    for path, text in ((models / f"{name}.py", _template(kind)), (tests / f"test_{name}.py", test)):
        placed = text.replace(f"{OWN}.new_model", f"{place}.{name}" if place else name)
        named = placed.replace("new_model", name).replace("NewModel", class_name(name))
        yield path, named.replace("New model", name.replace("_", " ").capitalize())


def _template(name: str) -> str:
    return (TEMPLATES / f"{name}.py.txt").read_text(encoding="utf-8")


def _project(name: str, entry: str, extra: str | None) -> str:
    """Return a minimal pyproject.toml of a package that offers one model."""
    needs = f"capflow[{extra}]" if extra else "capflow"
    return f"""\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name.replace("_", "-")}"
version = "0.1.0"
dependencies = ["{needs}"]

[project.entry-points."capflow.models"]
{entry}

[tool.setuptools]
py-modules = ["{name}"]

[tool.pytest.ini_options]
pythonpath = ["."]
"""


def _write(files: Mapping[Path, str]) -> None:
    """Write all of the files, or none."""
    existing = [str(path) for path in files if path.exists()]
    if existing:
        raise ScaffoldError(f"{' and '.join(existing)} exists already and is never overwritten")
    written: list[Path] = []
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink()
        raise ScaffoldError(f"{error.filename} cannot be written: {error.strerror}") from None
