"""Finds the pretrained models that a customer file names: a local file or folder, or a name on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capflow_resources.sources.errors import file_name
from capflow_resources.sources.time_limit import NoAnswerError, run_with_timeout
from partitions.customer import Customer

HUB_NAME = r"[\w.-]+(/[\w.-]+)?"
ANSWER_SECONDS = 10.0
HUB_SECONDS = "CAPFLOW_HUB_SECONDS"
DOWNLOAD_SECONDS = 900.0
NOT_DOWNLOADED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.msgpack", "*.h5", "*.ot", "onnx/*", "openvino/*")


class WeightsError(Exception):
    """A pretrained model cannot be loaded. One line: which setting, what happened, what to do."""


@dataclass(frozen=True)
class Weights:
    """A pretrained model on this machine. `state` changes when its files may have changed, `sha256` when they have."""

    path: Path
    state: str
    sha256: str


def find_weights(customer: Customer, where: str, model: str, before: Mapping[str, Any] | None = None) -> Weights:
    """Return the model that the setting `where` (embeddings.text) names; download it from the hub once if need be.

    `before` holds the `state` and `sha256` of an earlier run: files in the same state are not hashed again. Raises
    WeightsError.
    """
    path = Path(model)
    if not path.is_absolute():
        path = _of_hub(customer, where, model)
    if not path.exists():
        raise _error(customer, where, f"there is no {path}", "correct the path, or put the model there")
    files = _files(path)
    if not files:
        raise _error(customer, where, f"{path} is empty", "put the model there")
    state = _state(path, files)
    if before and before.get("state") == state:
        return Weights(path, state, str(before["sha256"]))
    try:
        return Weights(path, state, _sha256(path, files))
    except OSError as error:
        remedy = "let CapFlow read it"
        raise _error(customer, where, f"{path} cannot be read ({type(error).__name__})", remedy) from None


def _of_hub(customer: Customer, where: str, model: str) -> Path:
    """Return this machine's newest copy of a model, else download it from the hub; copies are kept in HF_HOME."""
    if not re.fullmatch(HUB_NAME, model):
        raise _error(
            customer, where, f"'{model}' is neither a path nor a name on the hub", "write it like org/name, or ./name"
        )
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError:
        remedy = "pip install 'capflow[deep]', or name a folder"
        raise _error(customer, where, f"'{model}' on the hub needs huggingface_hub", remedy) from None
    options: dict[str, Any] = {"ignore_patterns": list(NOT_DOWNLOADED), "etag_timeout": ANSWER_SECONDS}
    try:
        return Path(snapshot_download(model, local_files_only=True, **options))
    except Exception:  # no copy here: the hub's client raises many kinds of error for what is not in its cache
        pass
    patience = float(os.environ.get(HUB_SECONDS, DOWNLOAD_SECONDS))
    try:
        return Path(run_with_timeout(patience, lambda: snapshot_download(model, **options)))
    except NoAnswerError:
        what = f"'{model}' did not come from the hub in {patience:g} seconds"
    except Exception as error:  # the hub's client, its HTTP library or the network
        what = f"'{model}' cannot be downloaded from the hub ({type(error).__name__}: {_first_line(error)})"
    remedy = f"correct the name, wait longer ({HUB_SECONDS}), or copy the model to a folder and name that"
    raise _error(customer, where, what, remedy)


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))


def _state(path: Path, files: list[Path]) -> str:
    digest = hashlib.sha256(str(path).encode("utf-8", "surrogateescape"))
    for file in files:
        status = file.stat()
        digest.update(f"\0{file}\0{status.st_size}\0{status.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _sha256(path: Path, files: list[Path]) -> str:
    """Return one checksum of all files by name and content; a single file's is what sha256sum prints."""
    sums = {}
    for file in files:
        with file.open("rb") as stream:
            sums[file] = hashlib.file_digest(stream, "sha256").hexdigest()
    if path.is_file():
        return sums[path]
    lines = [f"{total}  {file.relative_to(path).as_posix()}\n" for file, total in sums.items()]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def _error(customer: Customer, where: str, what: str, remedy: str) -> WeightsError:
    return WeightsError(customer.hide(f"{where} of '{customer.name}': {what}; {remedy} ({file_name(customer)})"))
