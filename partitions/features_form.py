"""The customer file's word on single feature columns: leave one out, or trust it against the leakage checker."""

from __future__ import annotations

from yaml.nodes import Node

from partitions.form import Form
from partitions.hints import did_you_mean

WORDS = ("ignore", "trust")


def read_features(form: Form, node: Node | None) -> dict[str, str]:
    """Feature columns and what to do with each: `features: {duration: ignore, loyalty_score: trust}`."""
    told: dict[str, str] = {}
    for column, entry in form.entries(node, "features").items():
        word = form.text(entry, f"features.{column}")
        if word and word not in WORDS:
            form.note(entry, f"features.{column} is '{word}'{did_you_mean(word, WORDS)}")
        told[column] = word
    return told
