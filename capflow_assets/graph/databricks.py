"""Customers whose engine is a Databricks job: sources are read here, everything else is computed on their cluster.

The cluster runs the same steps on the same lake and registry; each outcome comes back as a message.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from time import perf_counter
from typing import TYPE_CHECKING, Any

import dagster as dg

from capflow_assets.contract.outcome import Markdown, Outcome
from capflow_assets.graph.message import from_message
from capflow_assets.run.customer_run import CustomerRun
from capflow_assets.run.pipeline import record_outcome, run_customer
from capflow_assets.run.plan import downstream, plan
from capflow_resources.engines import EngineError, databricks

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from capflow_assets.graph.databricks_run import Run

TASK = {"package_name": "capflow", "entry_point": "capflow-on-databricks"}


def compute_assets(context: dg.AssetExecutionContext, run: CustomerRun, assets: Sequence[str]) -> Iterator[Outcome]:
    """Compute the assets here, or by a job where the customer's engine is Databricks; yield each outcome."""
    if not _runs_as_job(run):
        yield from run_customer(run, assets)
        return
    raw_assets = [asset for asset in assets if plan()[asset].layer == "raw"]
    stopped = {}
    for outcome in run_customer(run, raw_assets):
        if outcome.stops:
            stopped[outcome.asset] = f"{outcome.asset}: {outcome.reason}"
        yield outcome
    downstream_assets = downstream(stopped)
    yield from run_customer(run, [asset for asset in assets if asset in downstream_assets], stopped)
    remaining = set(assets) - set(raw_assets) - downstream_assets
    if remaining:
        yield from _run_job(context, run, [asset for asset in plan() if asset in remaining])


def _runs_as_job(run: CustomerRun) -> bool:
    try:
        engine = run.customer.engine
    except Exception:  # run_customer says what is wrong with the customer file
        return False
    return engine.kind == "databricks" and engine.options.get("run") != "connect"


def _run_job(context: dg.AssetExecutionContext, run: CustomerRun, assets: Sequence[str]) -> Iterator[Outcome]:
    started = perf_counter()
    job = _Job(context, run, assets)
    error = job.run_to_end()
    reported = {outcome.asset: outcome for outcome in map(from_message, job.messages)}
    facts = job.facts()
    for asset in assets:
        outcome = reported.get(asset)
        if outcome is None:
            outcome = Outcome(asset, "failed", error or job.no_message(), {"traceback": job.traceback})
        outcome = replace(outcome, facts={**outcome.facts, **facts})
        record_outcome(run, outcome, started)
        yield outcome


class _Job:
    """One customer's job: its request, its end, and the messages that it sent."""

    def __init__(self, context: dg.AssetExecutionContext, run: CustomerRun, assets: Sequence[str]) -> None:
        self.context = context
        self.run = run
        self.assets = assets
        self.traceback = ""
        self.why = ""
        self._run: Run | None = None

    @property
    def messages(self) -> list[Mapping[str, Any]]:
        return self._run.messages if self._run else []

    def run_to_end(self) -> str:
        """Run the job; return "" if it succeeded, otherwise one line that says what happened and what to do."""
        try:
            self._submit()
        except EngineError as error:
            return self.run.hide(str(error))
        except Exception as error:
            self.traceback = self.run.hide("".join(traceback.format_exception(error)))
            message = f"the job of '{self.run.name}' broke with {type(error).__name__}: {error}"
            return self.run.hide(f"{message}. The traceback is in the run's log; fix the cause and run again")
        return ""

    def no_message(self) -> str:
        """Return the reason of an asset that a successful job sent no message about."""
        label = self._run.label() if self._run else "the job"
        return f"'{self.run.name}': {label} succeeded but reported nothing about it: run again, what is fresh is reused"

    def facts(self) -> dict[str, Any]:
        """Return where it was computed, for the metadata of an asset."""
        if self._run is None or self._run.number is None:
            return {}
        page = f"[run {self._run.number}]({self._run.page})" if self._run.page else f"run {self._run.number}"
        return {"databricks": Markdown(page), "cluster": self.why}

    def _submit(self) -> None:
        import os

        customer = self.run.customer
        settings = databricks.read_settings(customer)
        env = databricks.cluster_environment(customer, settings, os.environ)
        wheels = databricks.libraries(customer, settings)
        runs = _import_run_module(customer.name)
        hidden: dict[str, str] = {}
        try:
            client = _open_client(settings)
            hidden = _client_secrets(client)
            self._run = runs.Run(client, settings)
            task = self._task(client, settings, env, wheels)
            extras = self._extras(env if settings.existing_cluster_id else {})
            self._run.submit(self.context, task, f"CapFlow {customer.name}", extras)
        except runs.RunError as error:
            raise EngineError(f"'{customer.name}': {_redact(hidden, str(error))}") from None
        except (OSError, ValueError) as error:  # everything that the client raises
            raise EngineError(databricks.refusal(customer, settings, error, hidden)) from None

    def _task(
        self,
        client: WorkspaceClient,
        settings: databricks.Settings,
        env: Mapping[str, str],
        wheels: Sequence[Mapping[str, Any]],
    ) -> dict[str, Any]:
        task: dict[str, Any] = {"task_key": "capflow", "python_wheel_task": TASK}
        if settings.existing_cluster_id:
            self.why = f"the existing cluster {settings.existing_cluster_id}"
            return {**task, "existing_cluster_id": settings.existing_cluster_id}
        customer = self.run.customer
        rows = {table: found.rows if (found := self.run.version(f"raw/{table}")) else None for table in customer.tables}
        size = databricks.size_cluster(rows, customer.tier, settings)
        self.why = size.why
        cloud = "azure" if client.config.is_azure else "gcp" if client.config.is_gcp else "aws"
        return {
            **task,
            "new_cluster": databricks.new_cluster(customer, settings, size, env, cloud),
            "libraries": list(wheels),
        }

    def _extras(self, env: Mapping[str, str]) -> dict[str, Any]:
        path = self.run.customer.path
        assert path is not None
        return {
            "capflow": version("capflow"),
            "customer": self.run.name,
            "customer_file": path.read_text(encoding="utf-8-sig"),
            "assets": list(self.assets),
            "as_of": self.run.requested_as_of.isoformat() if self.run.requested_as_of else None,
            "force": self.run.force,
            "run_id": self.run.run_id,
            "environment": dict(env),
        }


def _import_run_module(customer: str) -> Any:
    try:
        from capflow_assets.graph import databricks_run
    except ImportError:
        raise EngineError(
            f"engine databricks of '{customer}' needs Databricks's client: pip install 'capflow[databricks]'"
        ) from None
    return databricks_run


def _open_client(settings: databricks.Settings) -> WorkspaceClient:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config

    found = databricks.credentials(settings)
    return WorkspaceClient(config=Config(product="capflow", product_version=version("capflow"), **found))


def _client_secrets(client: WorkspaceClient) -> dict[str, str]:
    """Return the secrets that the client authenticates with, which no message may show: value -> name."""
    names = ("token", "client_secret", "azure_client_secret", "password")
    return {str(value): name for name in names if (value := getattr(client.config, name, None))}


def _redact(secrets: Mapping[str, str], text: str) -> str:
    for value, name in secrets.items():
        text = text.replace(value, name)
    return text
