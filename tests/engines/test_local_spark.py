"""Spark in this process: the whole suite."""

from capflow_assets.run.catalogue import tables as canonical_tables
from tests.engines.awkward import CASES
from tests.engines.every_figure import *  # noqa: F403
from tests.engines.every_lake import *  # noqa: F403
from tests.engines.every_row import *  # noqa: F403
from tests.engines.every_table import *  # noqa: F403

ENGINE = "local"


def test_every_table_has_a_case() -> None:
    assert {case.table for case in CASES.values()} == set(canonical_tables())
