"""Spark by a Spark Connect server: the suite with fewer awkward tables."""

from tests.engines.every_figure import *  # noqa: F403
from tests.engines.every_lake import *  # noqa: F403
from tests.engines.every_row import *  # noqa: F403
from tests.engines.every_table import *  # noqa: F403

ENGINE = "connect"
