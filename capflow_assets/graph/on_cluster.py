"""What runs on a Databricks cluster: the steps of one customer, each outcome sent back to Dagster by Pipes.

The command `capflow-on-databricks`; no Dagster here, only dagster_pipes. What a cluster has to reach, and where its
secrets come from, is in docs/databricks.md.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster_pipes import PipesContext, PipesContextLoader, PipesMessageWriter, PipesParamsLoader

VOLUMES = "/Volumes/"
HERE = ("CAPFLOW_HOME",)  # what a customer file may name and the cluster knows


class WrongWheelError(Exception):
    """The cluster has another CapFlow than the one that asks."""


def main() -> None:
    """Run the customer and the assets that Dagster asks for; an outcome is a message, whatever it says."""
    from dagster_pipes import open_dagster_pipes

    params = _params()
    loader, writer = _post(str(params.load_context_params()["path"]))
    with open_dagster_pipes(params_loader=params, context_loader=loader, message_writer=writer) as pipes:
        _work(pipes, pipes.extras)


def _work(pipes: PipesContext, asked: Mapping[str, Any]) -> None:
    here = version("capflow")
    if here != asked["capflow"]:
        raise WrongWheelError(
            f"the cluster has CapFlow {here}, and {asked['capflow']} asks: upload the wheel of {asked['capflow']} and "
            "name it in engine.options.libraries"
        )
    from capflow_assets.graph.message import to_message
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.run.pipeline import run_customer
    from capflow_resources.home import Home

    for name, value in asked["environment"].items():
        os.environ.setdefault(name, value)
    with TemporaryDirectory() as folder:
        home = Home(folder)
        home.customers_folder.mkdir()
        _customer_file(home.customers_folder / f"{asked['customer']}.yaml", asked["customer_file"])
        as_of = datetime.fromisoformat(asked["as_of"]) if asked["as_of"] else None
        run = CustomerRun(home, asked["customer"], as_of, asked["force"], asked["run_id"])
        try:
            for outcome in run_customer(run, asked["assets"]):
                pipes.log.info(f"{asked['customer']}: {outcome.asset} {outcome.status}")
                pipes.report_custom_message(to_message(outcome))
        finally:
            run.close()


def _customer_file(path: Path, text: str) -> None:
    """Sources are read where Dagster runs: their secrets have no business here, and the file asks for some value."""
    path.write_text(
        re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", lambda found: found[0] if found[1] in HERE else found[1], text),
        encoding="utf-8",
    )


def _params() -> PipesParamsLoader:
    """A new cluster is told by its environment; one that existed before can only be told by arguments."""
    from dagster_pipes import PipesCliArgsParamsLoader, PipesEnvVarParamsLoader

    by_arguments = any(word.startswith("--dagster-pipes") for word in sys.argv[1:])
    return PipesCliArgsParamsLoader() if by_arguments else PipesEnvVarParamsLoader()


def _post(path: str) -> tuple[PipesContextLoader, PipesMessageWriter[Any]]:
    """How messages travel: as files of a volume, or of DBFS."""
    from dagster_pipes import (
        PipesDbfsContextLoader,
        PipesDbfsMessageWriter,
        PipesUnityCatalogVolumesContextLoader,
        PipesUnityCatalogVolumesMessageWriter,
    )

    if path.startswith(VOLUMES):
        return PipesUnityCatalogVolumesContextLoader(), PipesUnityCatalogVolumesMessageWriter()

    class Writer(PipesDbfsMessageWriter):
        def get_opened_extras(self) -> dict[str, Any]:
            return {}  # the library asks the Spark session for the cluster's log folder, which nobody reads here

    return PipesDbfsContextLoader(), Writer()
