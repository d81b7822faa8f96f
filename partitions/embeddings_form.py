"""`embeddings` in a customer file: how texts, images and audio become vectors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node

from partitions.customer import Encoding
from partitions.form import Form
from partitions.hints import did_you_mean

NONE = "none"
ENCODERS: Mapping[str, tuple[str, ...]] = {
    "text": ("lsa", "words", "sentence-transformers", NONE),
    "image": ("pixels", "clip", NONE),
    "audio": ("mfcc", NONE),
}
"""The encoders of each medium. The first is the default, which needs no model."""

PRETRAINED = ("words", "sentence-transformers", "clip")
WEIGHTINGS = ("sif", "mean")
MAX_DIMENSIONS = 1024
OPTIONS: Mapping[str, tuple[str, ...]] = {"lsa": ("dimensions",), "words": ("weighting",)}


def read_embeddings(form: Form, node: Node | None, folder: Path) -> dict[str, Encoding]:
    """Read `embeddings: {text: {kind: words, model: ../glove.txt.gz}}`, or `{text: none}`, by medium.

    A model's relative path starts at `folder`, the customer file's own.
    """
    entries = form.entries(node, "embeddings", ENCODERS)
    return {medium: _encoding(form, medium, entry, folder) for medium, entry in entries.items()}


def default_encoding(medium: str) -> Encoding:
    """Return how a medium is encoded when the customer file says nothing."""
    return Encoding(ENCODERS[medium][0])


def _encoding(form: Form, medium: str, node: Node, folder: Path) -> Encoding:
    where = f"embeddings.{medium}"
    if not isinstance(node, MappingNode):
        return _without_model(form, Encoding(_kind(form, node, where, medium)), node, where)
    keys = form.entries(node, where, ("kind", "model", *(name for names in OPTIONS.values() for name in names)))
    if "kind" not in keys:
        form.note(node, f"{where} has no 'kind'; add 'kind: ...', one of {', '.join(ENCODERS[medium])}")
        return default_encoding(medium)
    kind = _kind(form, keys["kind"], f"{where}.kind", medium)
    model = form.expand(keys["model"], f"{where}.model") if "model" in keys else ""
    if model and kind in ENCODERS[medium] and kind not in PRETRAINED:
        form.note(keys["model"], f"{where}.model does not apply to {kind}; remove it")
    encoding = Encoding(kind, _resolve(model, folder), _options(form, keys, where, kind))
    return encoding if "model" in keys else _without_model(form, encoding, node, where)


def _kind(form: Form, node: Node, where: str, medium: str) -> str:
    kind = form.text(node, where)
    if kind and kind not in ENCODERS[medium]:
        form.note(node, f"unknown {where} '{kind}'{did_you_mean(kind, ENCODERS[medium])}")
    return kind


def _without_model(form: Form, encoding: Encoding, node: Node, where: str) -> Encoding:
    if encoding.kind in PRETRAINED:
        form.note(node, f"{where} has no 'model'; {encoding.kind} needs one: add 'model: PATH' or a name on the hub")
    return encoding


def _resolve(model: str, folder: Path) -> str:
    """Return a path as an absolute one, and a name on the hub (org/name) as it is."""
    local = model.startswith((".", "/", "~")) or (model and (folder / model).exists())
    return str((folder / Path(model).expanduser()).resolve()) if local else model


def _options(form: Form, keys: Mapping[str, Node], where: str, kind: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for owner, names in OPTIONS.items():
        for name in names:
            if name in keys and kind != owner:
                form.note(keys[name], f"{where}.{name} is an option of {owner}, not of {kind}; remove it")
    if kind == "lsa" and "dimensions" in keys:
        number = form.number(keys["dimensions"], f"{where}.dimensions")
        if not number.is_integer() or not 2 <= number <= MAX_DIMENSIONS:
            form.note(keys["dimensions"], f"{where}.dimensions must be a whole number from 2 to {MAX_DIMENSIONS}")
        options["dimensions"] = int(number)
    if kind == "words" and "weighting" in keys:
        weighting = form.text(keys["weighting"], f"{where}.weighting")
        if weighting and weighting not in WEIGHTINGS:
            hint = did_you_mean(weighting, WEIGHTINGS)
            form.note(keys["weighting"], f"unknown {where}.weighting '{weighting}'{hint}")
        options["weighting"] = weighting
    return options
