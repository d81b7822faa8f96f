"""The folder that holds one installation: customer files, lake, artefacts, registry and Dagster's own storage."""

from __future__ import annotations

import os
from difflib import get_close_matches
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from capflow_resources.lake import Lake
from capflow_resources.objects import ObjectStore
from capflow_resources.registry import Registry
from partitions.customer import Customer
from partitions.customer_file import load_customer

DEFAULT = "capflow-home"


class UnknownCustomerError(ValueError):
    """A customer was named that has no customer file."""


class Home:
    """One installation of CapFlow, by its folder.

    The lake, artefacts and registry lie in the folder unless CAPFLOW_LAKE, CAPFLOW_ARTEFACTS (a path or URI) or
    CAPFLOW_REGISTRY (an SQLAlchemy URL) name another place.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path or os.environ.get("CAPFLOW_HOME") or DEFAULT).absolute()

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
        """Model versions, champions, and the outcome of every asset of every customer."""
        artefacts = ObjectStore(os.environ.get("CAPFLOW_ARTEFACTS") or str(self.path / "artefacts"))
        return Registry(os.environ.get("CAPFLOW_REGISTRY") or f"sqlite:///{self.path / 'registry.db'}", artefacts)

    def customer_names(self) -> list[str]:
        """The customers that have a file, in alphabetical order."""
        return sorted(path.stem for path in self.customers_folder.glob("*.yaml"))

    def customer(self, name: str) -> Customer:
        """The customer of that name; UnknownCustomerError or CustomerFileError when it cannot be read."""
        self.require(name)
        return load_customer(self.customers_folder / f"{name}.yaml", self.environment())

    def require(self, name: str) -> None:
        """UnknownCustomerError, with the nearest name, unless there is a customer file of that name."""
        names = self.customer_names()
        if name not in names:
            near = get_close_matches(name, names, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"customers: {', '.join(names) or 'none yet'}"
            raise UnknownCustomerError(f"no customer '{name}' in {self.customers_folder}; {hint}")

    def environment(self) -> dict[str, str]:
        """What customer files may name as ${VARIABLE}: the environment, and this home as CAPFLOW_HOME."""
        return {**os.environ, "CAPFLOW_HOME": str(self.path)}

    @property
    def dagster_folder(self) -> Path:
        """Where Dagster keeps its settings and, unless they say otherwise, its storage."""
        return self.path / "dagster"

    def prepare_dagster(self, folder: Path | None = None) -> Path:
        """The folder for DAGSTER_HOME, made with CapFlow's dagster.yaml on first use and never changed after."""
        folder = folder or self.dagster_folder
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "dagster.yaml"
        if not settings.exists():
            partial = folder / f"dagster.yaml.{os.getpid()}"  # never half a file, whoever is killed here
            partial.write_bytes(files("capflow_resources").joinpath("dagster.yaml").read_bytes())
            partial.replace(settings)
        return folder
