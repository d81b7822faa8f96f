"""The artefact files of a version: their digest, storing them atomically, and checking them when they are loaded."""

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
    """What identifies a version: its inputs and results, with each artefact file's sha256 in place of its bytes."""

    files: Mapping[str, str]
    columns: tuple[str, ...]
    parameters: Mapping[str, Any]
    facts: Mapping[str, Any]
    seed: int
    code_version: str
    data_versions: Mapping[str, Any]

    @classmethod
    def of(cls, version: Version) -> Recipe:
        """Return the recipe of an existing version."""
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
        """Return the recipe as JSON values; raises ValueError naming the part that JSON cannot hold unchanged."""
        return {
            "files": _json_values("files", self.files),
            "columns": list(self.columns),
            "parameters": _json_values("parameters", self.parameters),
            "facts": _json_values("facts", self.facts),
            "seed": self.seed,
            "code_version": self.code_version,
            "data_versions": _json_values("data_versions", self.data_versions),
        }

    def digest(self) -> str:
        """Return the sha256 that identifies this version: the same inputs and the same bytes give the same digest."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return sha256(text.encode())


def sha256(data: bytes) -> str:
    """Return the sha256 of `data` in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def address(customer: str, model: str, digest: str) -> str:
    """Return the folder of one version's files in the object store."""
    return f"{customer}/{model}/{digest}"


def put(store: ObjectStore, folder: str, files: Mapping[str, bytes], recipe: Recipe) -> None:
    """Write the files, then the manifest that says they are complete. Idempotent: a second put restores lost files."""
    for name in sorted(files):
        store.put(f"{folder}/{name}", files[name])
    store.put(f"{folder}/{MANIFEST}", json.dumps(recipe.to_json(), indent=1, allow_nan=False).encode())


def load(store: ObjectStore, version: Version) -> dict[str, bytes]:
    """Return the files of a version, verified against their sha256; raises RegistryError naming a damaged one."""
    folder = address(version.customer, version.model, version.digest)
    if Recipe.of(version).digest() != version.digest:
        raise RegistryError(
            f"{_title(version)} is not what was registered: its row in the registry was changed afterwards.\n"
            f"Compare it with {folder}/{MANIFEST} in {store.uri}; go back with "
            f"`capflow rollback {version.customer} {version.model}` or train again."
        )
    files = {}
    for name, expected in version.files.items():
        try:
            data = store.get(f"{folder}/{name}")
        except ObjectNotFoundError as error:
            raise _damage_error(version, store, f"{folder}/{name}", "is missing") from error
        if sha256(data) != expected:
            raise _damage_error(version, store, f"{folder}/{name}", "holds other bytes than were registered")
        files[name] = data
    return files


def _damage_error(version: Version, store: ObjectStore, key: str, how: str) -> RegistryError:
    return RegistryError(
        f"{_title(version)} cannot be used: its file {key} in {store.uri} {how}.\n"
        f"Restore the file, go back with `capflow rollback {version.customer} {version.model}`, or train again."
    )


def _title(version: Version) -> str:
    return f"Version {version.number} of {version.model} for {version.customer!r}"


def _json_values(part: str, values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        text = json.dumps(dict(values), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{part} cannot be stored as JSON: {error}. Keep numbers, texts, lists and None in it."
        ) from error
    restored: dict[str, Any] = json.loads(text)
    changed = [str(key) for key in values if key not in restored or restored[key] != values[key]]
    if changed:
        raise ValueError(
            f"{part} would come back changed from JSON at {', '.join(changed)}: use text keys, and lists, not tuples."
        )
    return restored
