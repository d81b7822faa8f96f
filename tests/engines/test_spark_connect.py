"""Spark by a Spark Connect server: what goes another way than in this process; `local` runs the whole suite."""

from tests.engines.every_figure import test_what_models_read, worlds  # noqa: F401
from tests.engines.every_lake import *  # noqa: F403
from tests.engines.every_row import (  # noqa: F401
    fetched,
    test_a_failing_check_blocks_and_no_column_is_fetched,
    test_a_row_has_the_same_id,
)
from tests.engines.every_table import test_it_is_cleaned_alike, test_it_is_judged_alike  # noqa: F401

ENGINE = "connect"
