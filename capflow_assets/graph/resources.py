"""The home folder as a Dagster resource."""

import dagster as dg

from capflow_assets.graph.secrets import open_home
from capflow_resources.home import Home


class HomeResource(dg.ConfigurableResource):
    """The installation that runs work on; empty means CAPFLOW_HOME, then ./capflow-home."""

    path: str = ""

    def open(self) -> Home:
        """The home at `path`."""
        return open_home(self.path or None)
