"""On-board from URIs: profile the data, propose the customer file, and measure its coverage."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from capflow_assets.onboarding.coverage import Coverage, measure_coverage
from capflow_assets.onboarding.customer_yaml import RetailerFacts, customer_yaml
from capflow_assets.onboarding.profiling.places import Place, PlaceError
from capflow_assets.onboarding.profiling.source_profiler import SourceProfiler
from capflow_assets.onboarding.proposal import Proposal, propose
from partitions.customer import Customer
from partitions.customer_file import load_customer


@dataclass(frozen=True)
class Onboarding:
    """The proposed customer file as `text`, and everything known about it. `secrets` are the variables to set."""

    text: str
    places: tuple[Place, ...]
    proposal: Proposal
    coverage: Coverage
    questions: tuple[str, ...]
    ignored: tuple[str, ...]
    secrets: tuple[str, ...]


def onboard(
    name: str,
    uris: Sequence[str],
    retailer: RetailerFacts,
    seconds: float,
    environ: Mapping[str, str],
    options: Mapping[str, str] | None = None,
) -> Onboarding:
    """Profile the data behind the URIs and propose the customer file.

    Raises PlaceError when a URI cannot be read or holds no sales, and SourceError.
    """
    profiler = SourceProfiler(name, seconds, environ, options)
    try:
        places = profiler.places(uris)
        proposal = propose(profiler.tables(places), profiler.con.con, retailer.timezone)
        if proposal.missing:
            raise PlaceError(proposal.missing)
        text = customer_yaml(name, places, proposal, retailer)
        secrets = {variable: value for place in places for variable, value in place.secrets.items()}
        covered = measure_coverage(_load(name, text, {**environ, **secrets}), proposal, profiler.con)
    finally:
        profiler.close()
    questions = (*retailer.questions(), *proposal.questions)
    ignored = tuple(map(str, profiler.ignored)) + tuple(profiler.skipped)
    return Onboarding(text, tuple(places), proposal, covered, questions, ignored, tuple(secrets))


def _load(name: str, text: str, environ: Mapping[str, str]) -> Customer:
    """Load the customer that the text describes: what CapFlow writes must pass its own check."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return load_customer(path, environ)
