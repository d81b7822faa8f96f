"""The home folder and Spark as Dagster resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from capflow_assets.graph.secrets import open_home
from capflow_resources.engines import EngineError
from capflow_resources.home import Home

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class HomeResource(dg.ConfigurableResource):
    """The installation that runs work on; empty means CAPFLOW_HOME, then ./capflow-home."""

    path: str = ""

    def open(self) -> Home:
        """The home at `path`."""
        return open_home(self.path or None)


class SparkResource(dg.ConfigurableResource):
    """Spark sessions, by dagster-pyspark, for customers with `engine: spark`; `conf` holds for all of them."""

    conf: dict[str, str] = Field(default={})

    def session(self, settings: Mapping[str, str]) -> SparkSession:
        """A session with these settings, which go before those of the resource."""
        try:
            from dagster_pyspark import LazyPySparkResource
        except ImportError:
            raise EngineError("Spark in Dagster needs dagster-pyspark: pip install 'capflow[spark]'") from None
        made: SparkSession = LazyPySparkResource(spark_config={**self.conf, **settings}).spark_session
        return made
