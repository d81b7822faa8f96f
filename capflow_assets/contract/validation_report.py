"""The stored validation report of a customer, as later rooms read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class ModelAvailability:
    """Whether a customer's data are enough for one model, and the reason if they are not."""

    model: str
    available: bool
    reason: str = ""


@dataclass(frozen=True)
class ValidationReport:
    """The document validation/report.json: what the data are enough for, and the report itself as JSON text.

    `today` is the midnight to which freshness counted; `raw` and `validated` are the versions of the tables. `as_of` is
    the midnight (UTC) after the last sale and `first_sale` the first one, both None when sales have no times.
    `measures` are those of validation/needs that some model asks for.
    """

    fingerprint: str
    today: datetime
    as_of: datetime | None
    first_sale: datetime | None
    users: int
    bills: int
    report: str
    measures: Mapping[str, float | str | None] = field(default_factory=dict)
    raw: Mapping[str, int] = field(default_factory=dict)
    validated: Mapping[str, int] = field(default_factory=dict)
    models: tuple[ModelAvailability, ...] = ()

    @property
    def history_days(self) -> int:
        """Days from the first sale to `as_of`; 0 when sales have no times."""
        return 0 if self.as_of is None or self.first_sale is None else (self.as_of - self.first_sale).days

    def to_json(self) -> str:
        """Write the document as JSON text."""
        document = {
            **asdict(self),
            "today": self.today.isoformat(),
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "first_sale": self.first_sale.isoformat() if self.first_sale else None,
        }
        return json.dumps(document)

    @staticmethod
    def from_json(text: str | bytes) -> ValidationReport:
        """Read the document that `to_json` wrote; raises ValueError with a remedy for anything else."""
        try:
            found = json.loads(text)
            return ValidationReport(
                found["fingerprint"],
                datetime.fromisoformat(found["today"]),
                _time(found["as_of"]),
                _time(found["first_sale"]),
                int(found["users"]),
                int(found["bills"]),
                found["report"],
                dict(found.get("measures", {})),
                dict(found.get("raw", {})),
                dict(found.get("validated", {})),
                tuple(ModelAvailability(**one) for one in found.get("models", ())),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"this is not a validation report that CapFlow wrote ({error!r}). Validate the customer again."
            raise ValueError(message) from error


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
