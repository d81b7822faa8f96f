"""The command `capflow-on-databricks`: run one customer's steps on a cluster, and send each outcome back by Pipes.

It imports dagster_pipes and not Dagster. What a cluster must reach, and where its secrets come from, is in
docs/databricks.md.
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
CLUSTER_VARIABLES = ("CAPFLOW_HOME",)  # that a customer file may name and the cluster sets


class WrongWheelError(Exception):
    """The cluster has another version of CapFlow than the machine that sent the job."""


def main() -> None:
    """Run the customer and assets that Dagster requests, and send every outcome as a message."""
    from dagster_pipes import open_dagster_pipes

    params = _params_loader()
    loader, writer = _message_channel(str(params.load_context_params()["path"]))
    with open_dagster_pipes(params_loader=params, context_loader=loader, message_writer=writer) as pipes:
        _run_steps(pipes, pipes.extras)


def _run_steps(pipes: PipesContext, request: Mapping[str, Any]) -> None:
    installed = version("capflow")
    if installed != request["capflow"]:
        raise WrongWheelError(
            f"the cluster has CapFlow {installed}, but the job needs {request['capflow']}: upload the wheel of "
            f"{request['capflow']} and name it in engine.options.libraries"
        )
    from capflow_assets.graph.message import to_message
    from capflow_assets.run.customer_run import CustomerRun
    from capflow_assets.run.pipeline import run_customer
    from capflow_resources.home import Home

    for name, value in request["environment"].items():
        os.environ.setdefault(name, value)
    with TemporaryDirectory() as folder:
        home = Home(folder)
        home.customers_folder.mkdir()
        _write_customer_file(home.customers_folder / f"{request['customer']}.yaml", request["customer_file"])
        as_of = datetime.fromisoformat(request["as_of"]) if request["as_of"] else None
        run = CustomerRun(home, request["customer"], as_of, request["force"], request["run_id"])
        try:
            for outcome in run_customer(run, request["assets"]):
                pipes.log.info(f"{request['customer']}: {outcome.asset} {outcome.status}")
                pipes.report_custom_message(to_message(outcome))
        finally:
            run.close()


def _write_customer_file(path: Path, text: str) -> None:
    """Write the customer file with each variable's name as its value: sources are read where Dagster runs, not here."""
    path.write_text(
        re.sub(
            r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}",
            lambda found: found[0] if found[1] in CLUSTER_VARIABLES else found[1],
            text,
        ),
        encoding="utf-8",
    )


def _params_loader() -> PipesParamsLoader:
    """Return where parameters come from: a new cluster gets them in its environment, an existing one as arguments."""
    from dagster_pipes import PipesCliArgsParamsLoader, PipesEnvVarParamsLoader

    by_arguments = any(word.startswith("--dagster-pipes") for word in sys.argv[1:])
    return PipesCliArgsParamsLoader() if by_arguments else PipesEnvVarParamsLoader()


def _message_channel(path: str) -> tuple[PipesContextLoader, PipesMessageWriter[Any]]:
    """Return the loader and the writer of messages: files of a volume, or of DBFS."""
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
            return {}  # the library asks the Spark session for the cluster's log folder, which nobody reads

    return PipesDbfsContextLoader(), Writer()
