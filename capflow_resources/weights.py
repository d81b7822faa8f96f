"""Pretrained models that a customer file names: a file or folder on this machine, or a name on the Hugging Face hub."""

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
NOT_OPENED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.msgpack", "*.h5", "*.ot", "onnx/*", "openvino/*")


class WeightsError(Exception):
    """A pretrained model cannot be had. One line: which setting, what happened, what to do."""


@dataclass(frozen=True)
class Weights:
    """A pretrained model on this machine. `state` changes when its files may have; `sha256` when their content has."""

    path: Path
    state: str
    sha256: str


def weights(customer: Customer, where: str, model: str, before: Mapping[str, Any] | None = None) -> Weights:
    """The model that the setting `where` (embeddings.text) names; fetched from the hub once, if it is a name there.

    `before` are the `state` and `sha256` of an earlier run: what has the same state is not read again. Raises
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
    """The newest copy of a model that this machine holds, else one from the hub; HF_HOME says where they lie."""
    if not re.fullmatch(HUB_NAME, model):
        raise _error(
            customer, where, f"'{model}' is no path and no name on the hub", "write it like org/name, or ./name"
        )
    try:
        from huggingface_hub import snapshot_download
    except ModuleNotFoundError:
        remedy = "pip install 'capflow[deep]', or name a folder"
        raise _error(customer, where, f"'{model}' on the hub needs huggingface_hub", remedy) from None
    options: dict[str, Any] = {"ignore_patterns": list(NOT_OPENED), "etag_timeout": ANSWER_SECONDS}
    try:
        return Path(snapshot_download(model, local_files_only=True, **options))
    except Exception:  # no copy here: what is not in the cache is said in many ways
        pass
    patience = float(os.environ.get(HUB_SECONDS, DOWNLOAD_SECONDS))
    try:
        return Path(run_with_timeout(patience, lambda: snapshot_download(model, **options)))
    except NoAnswerError:
        what = f"'{model}' did not come from the hub in {patience:g} seconds"
    except Exception as error:  # the hub's client, its HTTP library or the network
        what = f"'{model}' cannot be had from the hub ({type(error).__name__}: {_first_line(error)})"
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
        found = file.stat()
        digest.update(f"\0{file}\0{found.st_size}\0{found.st_mtime_ns}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _sha256(path: Path, files: list[Path]) -> str:
    """One checksum of all files by name and content; a single file's own, as sha256sum prints it."""
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
