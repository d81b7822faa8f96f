"""scikit-learn estimators as bytes that hold no code; the same contents give the same bytes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from io import BytesIO
from typing import Any

SCHEMA = "schema.json"


def dump_estimator(estimator: Any) -> bytes:
    """Return a fitted scikit-learn estimator in the format of skops, which holds no pickle.

    skops names parts by their address in memory and stamps the time; here they are numbered as they come, undated.
    """
    import skops.io

    with zipfile.ZipFile(BytesIO(skops.io.dumps(estimator))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[str, str] = {}
    schema = _renumber(json.loads(parts.pop(SCHEMA)), numbers)
    renamed = {_rename(name, numbers): content for name, content in parts.items()}
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in sorted({**renamed, SCHEMA: json.dumps(schema).encode()}.items()):
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def load_estimator(content: bytes, trusted: Sequence[str]) -> Any:
    """Load an estimator. Beyond the types that skops knows to be harmless only `trusted` ones are created."""
    import skops.io

    return skops.io.loads(content, trusted=list(trusted))


def _renumber(part: Any, numbers: dict[str, str]) -> Any:
    """Replace every memory address in the schema by a number, in the order of first mention."""
    if isinstance(part, list):
        return [_renumber(one, numbers) for one in part]
    if not isinstance(part, dict):
        return part
    new = {key: _renumber(value, numbers) for key, value in part.items()}
    if "__id__" in part:
        new["__id__"] = int(numbers.setdefault(str(part["__id__"]), str(len(numbers))))
    if "file" in part:
        new["file"] = _rename(part["file"], numbers)
    return new


def _rename(file: str, numbers: dict[str, str]) -> str:
    address, dot, ending = file.partition(".")
    return numbers.setdefault(address, str(len(numbers))) + dot + ending
