"""A version's bytes: what identifies them, how they are put so that nobody sees half of them, how they are checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from capflow_resources.objects import ObjectNotFoundError, ObjectStore
from capflow_resources.registry.records import RegistryError, Version

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Recipe:
    """All that a version was made of and came out as, except for its bytes; the sha256 of each file stands for them."""

    files: Mapping[str, str]
    columns: tuple[str, ...]
    parameters: Mapping[str, Any]
    facts: Mapping[str, Any]
    seed: int
    code_version: str
    data_versions: Mapping[str, Any]

    @classmethod
    def of(cls, version: Version) -> Recipe:
        """What an existing version was made of."""
        return cls(
            files=version.files,
            columns=version.columns,
            parameters=version.parameters,
            facts=version.facts,
            seed=version.seed,
            code_version=version.code_version,
            data_versions=version.data_versions,
        )

    def to_json(self) -> dict[str, Any]:
        """The same as plain JSON values; ValueError names the part that JSON cannot hold unchanged."""
        return {
            "files": _plain("files", self.files),
            "columns": list(self.columns),
            "parameters": _plain("parameters", self.parameters),
            "facts": _plain("facts", self.facts),
            "seed": self.seed,
            "code_version": self.code_version,
            "data_versions": _plain("data_versions", self.data_versions),
        }

    def digest(self) -> str:
        """The sha256 that names this version: the same ingredients and the same bytes give the same name."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return sha256(text.encode())


def sha256(data: bytes) -> str:
    """The sha256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def address(customer: str, model: str, digest: str) -> str:
    """The folder in the object store of one version's files."""
    return f"{customer}/{model}/{digest}"


def put(store: ObjectStore, folder: str, files: Mapping[str, bytes], recipe: Recipe) -> None:
    """Write the files, then the manifest that says they are all there. Putting the same again repairs what was lost."""
    for name in sorted(files):
        store.put(f"{folder}/{name}", files[name])
    store.put(f"{folder}/{MANIFEST}", json.dumps(recipe.to_json(), indent=1, allow_nan=False).encode())


def load(store: ObjectStore, version: Version) -> dict[str, bytes]:
    """The files of a version, each one proven to be the bytes that were registered; RegistryError names the others."""
    folder = address(version.customer, version.model, version.digest)
    if Recipe.of(version).digest() != version.digest:
        raise RegistryError(
            f"{_called(version)} is not what was registered: its row in the registry was changed afterwards.\n"
            f"Compare it with {folder}/{MANIFEST} in {store.uri}; go back with "
            f"`capflow rollback {version.customer} {version.model}` or train again."
        )
    files = {}
    for name, expected in version.files.items():
        try:
            data = store.get(f"{folder}/{name}")
        except ObjectNotFoundError as error:
            raise _damaged(version, store, f"{folder}/{name}", "is missing") from error
        if sha256(data) != expected:
            raise _damaged(version, store, f"{folder}/{name}", "holds other bytes than were registered")
        files[name] = data
    return files


def _damaged(version: Version, store: ObjectStore, key: str, how: str) -> RegistryError:
    return RegistryError(
        f"{_called(version)} cannot be used: its file {key} in {store.uri} {how}.\n"
        f"Restore the file, go back with `capflow rollback {version.customer} {version.model}`, or train again."
    )


def _called(version: Version) -> str:
    return f"Version {version.number} of {version.model} for {version.customer!r}"


def _plain(part: str, given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(dict(given), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{part} cannot be stored as JSON: {error}. Keep numbers, texts, lists and None in it."
        ) from error
    back: dict[str, Any] = json.loads(text)
    changed = [str(key) for key in given if key not in back or back[key] != given[key]]
    if changed:
        raise ValueError(
            f"{part} would come back changed from JSON at {', '.join(changed)}: use text keys, and lists, not tuples."
        )
    return back
