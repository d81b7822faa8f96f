"""From `--from URI` to a customer file with its coverage: the whole of on-boarding, without the command line."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from capflow_assets.onboarding.coverage import Coverage, coverage
from capflow_assets.onboarding.customer_text import Told, customer_text
from capflow_assets.onboarding.places import Place, PlaceError
from capflow_assets.onboarding.proposal import Proposal, propose
from capflow_assets.onboarding.reading import Looker
from partitions.customer import Customer
from partitions.customer_file import load_customer


@dataclass(frozen=True)
class Onboarding:
    """The proposed customer file as `text`, and all that is known of it. `secrets` are the variables to set."""

    text: str
    places: tuple[Place, ...]
    proposal: Proposal
    coverage: Coverage
    questions: tuple[str, ...]
    ignored: tuple[str, ...]
    secrets: tuple[str, ...]


def onboard(
    name: str,
    given: Sequence[str],
    told: Told,
    seconds: float,
    environ: Mapping[str, str],
    options: Mapping[str, str] | None = None,
) -> Onboarding:
    """Look at what the URIs name and propose the customer file.

    Raises PlaceError, when a URI cannot be read or no sales lie there, and SourceError.
    """
    looker = Looker(name, seconds, environ, options)
    try:
        places = looker.places(given)
        proposal = propose(looker.tables(places), looker.con.con, told.timezone)
        if proposal.lacks:
            raise PlaceError(proposal.lacks)
        text = customer_text(name, places, proposal, told)
        secrets = {variable: value for place in places for variable, value in place.secrets.items()}
        covered = coverage(_loaded(name, text, {**environ, **secrets}), proposal, looker.con)
    finally:
        looker.close()
    questions = (*told.open(), *proposal.questions)
    ignored = tuple(map(str, looker.ignored)) + tuple(looker.skipped)
    return Onboarding(text, tuple(places), proposal, covered, questions, ignored, tuple(secrets))


def _loaded(name: str, text: str, environ: Mapping[str, str]) -> Customer:
    """The customer that the text describes: what CapFlow writes must pass its own check."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return load_customer(path, environ)
