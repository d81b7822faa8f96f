"""Learners: model families for one table, each fitted to bytes that load without running code."""

from capflow_assets.methods.ensemble.learners.base import Learner, Objective, Rows, canonical_order, canonicalise, stack
from capflow_assets.methods.ensemble.learners.linear import LINEAR
from capflow_assets.methods.ensemble.learners.rule import RULE
from capflow_assets.methods.ensemble.learners.trees import BOOSTING, FOREST, TWEEDIE, best_number_of_trees

LEARNERS: dict[str, Learner] = {learner.name: learner for learner in (BOOSTING, FOREST, LINEAR, RULE)}

__all__ = [
    "BOOSTING",
    "FOREST",
    "LEARNERS",
    "LINEAR",
    "RULE",
    "TWEEDIE",
    "Learner",
    "Objective",
    "Rows",
    "best_number_of_trees",
    "canonical_order",
    "canonicalise",
    "stack",
]
