"""Spark on a cluster of a master and two workers: tables are cleaned and judged there, and written from there."""

from tests.engines.every_lake import *  # noqa: F403
from tests.engines.every_table import test_it_is_cleaned_alike, test_it_is_judged_alike  # noqa: F401

ENGINE = "cluster"
