"""Estimators of scikit-learn as bytes that hold no code, and are the same bytes for the same contents."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from io import BytesIO
from typing import Any

SCHEMA = "schema.json"


def dump_estimator(estimator: Any) -> bytes:
    """A fitted scikit-learn estimator in the format of skops, which holds no pickle.

    skops names parts by their address in memory and stamps the time; here they are numbered as they come, undated.
    """
    import skops.io

    with zipfile.ZipFile(BytesIO(skops.io.dumps(estimator))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[str, str] = {}
    schema = _renumbered(json.loads(parts.pop(SCHEMA)), numbers)
    renamed = {_renamed(name, numbers): content for name, content in parts.items()}
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sorted({**renamed, SCHEMA: json.dumps(schema).encode()}.items()):
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def load_estimator(content: bytes, trusted: Sequence[str]) -> Any:
    """The estimator again. Of types beyond those that skops knows to be harmless only the `trusted` are made."""
    import skops.io

    return skops.io.loads(content, trusted=list(trusted))


def _renumbered(part: Any, numbers: dict[str, str]) -> Any:
    """The schema with every address of memory replaced by a number, in the order of their first mention."""
    if isinstance(part, list):
        return [_renumbered(one, numbers) for one in part]
    if not isinstance(part, dict):
        return part
    new = {key: _renumbered(value, numbers) for key, value in part.items()}
    if "__id__" in part:
        new["__id__"] = int(numbers.setdefault(str(part["__id__"]), str(len(numbers))))
    if "file" in part:
        new["file"] = _renamed(part["file"], numbers)
    return new


def _renamed(file: str, numbers: dict[str, str]) -> str:
    address, dot, ending = file.partition(".")
    return numbers.setdefault(address, str(len(numbers))) + dot + ending
