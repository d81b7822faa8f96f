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
    """The installation that runs work on; an empty `path` means CAPFLOW_HOME, then ./capflow-home."""

    path: str = ""

    def open(self) -> Home:
        """Open the home at `path`."""
        return open_home(self.path or None)


class SparkResource(dg.ConfigurableResource):
    """Spark sessions (dagster-pyspark) for customers with `engine: spark`; `conf` applies to all of them."""

    conf: dict[str, str] = Field(default={})

    def session(self, settings: Mapping[str, str]) -> SparkSession:
        """Return a session with these settings, which override the resource's; EngineError without the library."""
        try:
            from dagster_pyspark import LazyPySparkResource
        except ImportError:
            raise EngineError("Spark in Dagster needs dagster-pyspark: pip install 'capflow[spark]'") from None
        session: SparkSession = LazyPySparkResource(spark_config={**self.conf, **settings}).spark_session
        return session


RESOURCES = {"home": HomeResource(), "spark": SparkResource()}
