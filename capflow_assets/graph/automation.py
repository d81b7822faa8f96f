"""When Dagster's automation sensor, once switched on, brings an asset up to date."""

import dagster as dg

PROPAGATES = frozenset({"validated", "validation", "features", "prediction", "performance"})


def condition(layer: str) -> dg.AutomationCondition | None:
    """New data flows on to predictions when every blocking check has passed; models train on demand or on drift."""
    if layer not in PROPAGATES:
        return None
    return dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()
