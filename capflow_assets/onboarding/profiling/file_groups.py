"""Group files into sources: files of one name pattern and one header are one source."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path

from capflow_assets.onboarding.profiling.places import Place, source_name
from partitions.source_kinds import SOURCE_KINDS

File = tuple[str, str, Path]
LOOKED_AT = 12  # files of one name whose headers are compared
MIN_SIMILARITY = 0.6


def group_files(
    files: Sequence[File], columns: Callable[[File], frozenset[str]], taken: Iterable[str] = ()
) -> list[Place]:
    """Return sources for these files. `columns` returns the column names of one file.

    A file is its kind, the path to write, and its path; a file in a bucket is written with its scheme, and its path is
    /bucket/key.

    Files become one source when their names differ in numbers and dates only and their columns are similar, or when
    their columns are equal; in both cases only if a pattern names exactly these files.
    """
    listed = list(files)
    by_shape: dict[tuple[str, str], list[File]] = {}
    for file in listed:
        by_shape.setdefault((file[0], _shape(file[2])), []).append(file)
    groups = [part for group in by_shape.values() for part in _split_by_columns(group, columns)]
    groups = _merge_groups(groups, columns, listed)
    used = list(taken)
    places: list[Place] = []
    for group in groups:
        for part in [group] if len(group) == 1 or _pattern(group, listed) else [[file] for file in group]:
            kind, written, path = part[0]
            if len(part) > 1:
                written, uri = _pattern(part, listed) or ("", "")
            else:
                uri = glob.escape(str(path)) if set("*?[") & set(str(path)) else str(path)
            uri = written if "://" in written else uri
            stem = path.stem if _letters(path.stem) else path.parent.name
            used.append(source_name(stem, used))
            places.append(Place(used[-1], kind, uri, written))
    return places


def _shape(path: Path) -> str:
    folders = "/".join(_letters(part.split("=")[0]) for part in path.parts[:-1])
    return f"{folders}/{_letters(path.stem)}"


def _letters(stem: str) -> str:
    return re.sub(r"[\d\W_]+", " ", stem).strip().lower()


def _split_by_columns(group: list[File], columns: Callable[[File], frozenset[str]]) -> list[list[File]]:
    if len(group) == 1 or SOURCE_KINDS[group[0][0]].holds_tables:
        return [[file] for file in group]
    first_columns = columns(group[0])
    if all(_have_similar_columns(first_columns, columns(file)) for file in group[1:LOOKED_AT]):
        return [group]
    return [[file] for file in group]


def _have_similar_columns(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= MIN_SIMILARITY * len(one | other)


def _merge_groups(
    groups: list[list[File]], columns: Callable[[File], frozenset[str]], listed: Sequence[File]
) -> list[list[File]]:
    """Merge groups with equal columns where a pattern names exactly their files: berlin.csv, paris.csv."""
    same: dict[tuple[str, frozenset[str]], list[list[File]]] = {}
    for group in groups:
        tables = SOURCE_KINDS[group[0][0]].holds_tables
        key = frozenset({str(group[0][2])}) if tables else columns(group[0])
        same.setdefault((group[0][0], key), []).append(group)
    merged: list[list[File]] = []
    for parts in same.values():
        together = [file for part in parts for file in part]
        merged += [together] if len(parts) == 1 or _pattern(together, listed) else parts
    return merged


def _pattern(group: list[File], listed: Sequence[File]) -> tuple[str, str] | None:
    """Return the pattern, as written and as read, that matches the group's files and no others; None for none."""
    paths = [str(path) for _, _, path in group]
    folder = os.path.commonpath([str(path.parent) for _, _, path in group])
    names = [path.name for _, _, path in group]
    start = re.sub(r"\d+$", "", _common_prefix(names))
    end = re.sub(r"^\d+", "", _common_prefix([name[len(start) :][::-1] for name in names])[::-1])
    deeper = "" if all(str(path.parent) == folder for _, _, path in group) else "**/"
    ending = Path(names[0]).suffix
    # The broadest first, so that next year's file belongs to them: sales_*.csv before sales_2025-*.csv.
    broadest = re.split(r"\d", start)[0]
    for name in dict.fromkeys((f"{broadest}*{ending}", f"{start}*{end}", f"{start}*{ending}", f"*{ending}")):
        pattern = f"{folder}/{deeper}{name}"
        if _matching_files(pattern, listed) == sorted(paths):
            first = group[0][1]
            beyond = str(group[0][2])[len(folder) :]
            return f"{first.removesuffix(beyond)}/{deeper}{name}", pattern
    return None


def _matching_files(pattern: str, listed: Sequence[File]) -> list[str]:
    """Return the files that a pattern matches: on disk, or among those listed in a bucket."""
    if not any("://" in written for _, written, _ in listed):
        return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (absolute patterns)
    depth = pattern.count("/")
    named = [str(path) for _, _, path in listed]
    return sorted(name for name in named if name.count("/") == depth and fnmatchcase(name, pattern))


def _common_prefix(texts: list[str]) -> str:
    """Return the longest common prefix of the texts."""
    by_shape = takewhile(lambda signs: len(set(signs)) == 1, zip(*texts, strict=False))
    return "".join(signs[0] for signs in by_shape)
