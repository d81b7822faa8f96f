"""The folder that holds one installation: customer files, lake, artefacts, registry and Dagster's own storage."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from capflow_resources.lake import Lake
from capflow_resources.objects import ObjectStore
from capflow_resources.pool import Pool
from capflow_resources.registry import Registry
from partitions.customer import Customer
from partitions.customer_file import load_customer
from partitions.hints import did_you_mean

DEFAULT = "capflow-home"


class UnknownCustomerError(ValueError):
    """A customer was named that has no customer file."""


class Environment(dict[str, str]):
    """The environment, backed by a secret store that is asked only for names that the environment lacks."""

    def __init__(self, variables: Mapping[str, str], secrets: Callable[[str], str | None] | None = None) -> None:
        super().__init__(variables)
        self._secrets = secrets

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of `name`, `default` when neither the environment nor the secret store has it."""
        if name not in self and self._secrets and (value := self._secrets(name)) is not None:
            self[name] = value
        return super().get(name, default)

    def __missing__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return str(value)


class Home:
    """One installation of CapFlow, by its folder.

    The lake, artefacts and registry lie in the folder unless CAPFLOW_LAKE, CAPFLOW_ARTEFACTS (a path or URI) or
    CAPFLOW_REGISTRY (an SQLAlchemy URL) name another place. `secrets` looks up what customer files name as ${VARIABLE}
    and the environment lacks.
    """

    def __init__(self, path: str | Path | None = None, secrets: Callable[[str], str | None] | None = None) -> None:
        self.path = Path(path or os.environ.get("CAPFLOW_HOME") or DEFAULT).absolute()
        self._secrets = secrets

    @property
    def customers_folder(self) -> Path:
        """Where the customer files lie."""
        return self.path / "customers"

    @cached_property
    def lake(self) -> Lake:
        """The tables of every customer."""
        return Lake(os.environ.get("CAPFLOW_LAKE") or str(self.path / "lake"))

    @cached_property
    def registry(self) -> Registry:
        """Model versions, champions, and the ledger: how the last attempt at each asset ended."""
        artefacts = ObjectStore(os.environ.get("CAPFLOW_ARTEFACTS") or str(self.path / "artefacts"))
        return Registry(os.environ.get("CAPFLOW_REGISTRY") or f"sqlite:///{self.path / 'registry.db'}", artefacts)

    @cached_property
    def pool(self) -> Pool:
        """The contributions that customers give for others of their vertical to learn from."""
        return Pool(ObjectStore(os.environ.get("CAPFLOW_POOL") or str(self.path / "shared")))

    def customer_names(self) -> list[str]:
        """Return the customers that have a file, in alphabetical order."""
        return sorted(path.stem for path in self.customers_folder.glob("*.yaml"))

    def customer(self, name: str) -> Customer:
        """Return the customer of that name; raises UnknownCustomerError or CustomerFileError."""
        self.require_customer(name)
        return load_customer(self.customers_folder / f"{name}.yaml", self.environment())

    def require_customer(self, name: str) -> None:
        """Raise UnknownCustomerError, with the closest name, unless there is a customer file of that name."""
        names = self.customer_names()
        if name not in names:
            hint = did_you_mean(name, names, otherwise=f"; customers: {', '.join(names) or 'none yet'}")
            raise UnknownCustomerError(f"no customer '{name}' in {self.customers_folder}{hint}")

    def environment(self) -> Environment:
        """Return what customer files may name as ${VARIABLE}: the environment, CAPFLOW_HOME (this home) and secrets."""
        return Environment({**os.environ, "CAPFLOW_HOME": str(self.path)}, self._secrets)

    @property
    def dagster_folder(self) -> Path:
        """Where Dagster keeps its settings and, unless they say otherwise, its storage."""
        return self.path / "dagster"

    def prepare_dagster(self, folder: Path | None = None) -> Path:
        """Return the folder for DAGSTER_HOME; create it with CapFlow's dagster.yaml, which is never changed after."""
        folder = folder or self.dagster_folder
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "dagster.yaml"
        if not settings.exists():
            partial = folder / f"dagster.yaml.{os.getpid()}"  # renamed when complete: a kill leaves no half file
            partial.write_text(_dagster_settings(), encoding="utf-8")
            partial.replace(settings)
        return folder


def _dagster_settings() -> str:
    """Return CapFlow's dagster.yaml; with CAPFLOW_COMPUTE_LOGS=s3://bucket/prefix the logs of runs go there."""
    settings = files("capflow_resources").joinpath("dagster.yaml").read_text(encoding="utf-8")
    uri = os.environ.get("CAPFLOW_COMPUTE_LOGS", "")
    if not uri:
        return settings
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"CAPFLOW_COMPUTE_LOGS='{uri}' is not understood; write it like s3://bucket/prefix")
    config = {"bucket": parts.netloc, "prefix": parts.path.strip("/") or "dagster"}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL"):
        config["endpoint_url"] = endpoint
    manager = {"module": "dagster_aws.s3", "class": "S3ComputeLogManager", "config": config}
    return settings + yaml.safe_dump({"compute_logs": manager}, sort_keys=False)
