"""Spark on a cluster of a master and two workers: every table, KPI and distribution, and what is written there."""

from tests.engines.every_figure import anonymous, test_every_distribution, test_every_kpi, worlds  # noqa: F401
from tests.engines.every_lake import *  # noqa: F403
from tests.engines.every_table import *  # noqa: F403

ENGINE = "cluster"
