"""One customer's run: its tables, pinned to the versions that the run saw first, its verdict and its report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.outcome import Blocked, NotAvailable
from capflow_assets.contract.validation_report import ValidationReport
from capflow_assets.run.gate import Verdict, find_refusal
from capflow_resources.engines import EngineError, StartSession, connect, duckdb, start_session
from capflow_resources.home import Home
from capflow_resources.lake import LakeError, TableVersion
from partitions.canonical import CANONICAL_COLUMNS
from partitions.customer import Customer

if TYPE_CHECKING:
    from pathlib import Path

    import ibis
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

VERDICT = "validation/verdict.json"
REPORT = "validation/report.json"
DERIVED = {"bills": "line_items"}


class CustomerRun:
    """Hold what the steps of one customer share. Versions are read once, so a run works on one consistent state.

    `as_of` cuts every table to the rows before it; None means the midnight after the customer's last sale. `start`
    opens the Spark session of a customer whose engine is Spark.
    """

    def __init__(
        self,
        home: Home,
        customer: str,
        as_of: datetime | None = None,
        force: bool = False,
        run_id: str = "",
        start: StartSession = start_session,
    ) -> None:
        self.home = home
        self.name = customer
        self.requested_as_of = as_of
        self.force = force
        self.run_id = run_id
        self._start = start
        self._no_engine: EngineError | None = None
        self._versions: dict[str, TableVersion | None] = {}
        self._tables: dict[tuple[str, int], ibis.Table] = {}
        self.counted: dict[datetime, Mapping[str, Any]] = {}  # filled by validation/needs/availability.py

    @cached_property
    def customer(self) -> Customer:
        """The customer file, read when first needed, so that a broken file fails this customer only."""
        return self.home.customer(self.name)

    def hide(self, text: str) -> str:
        """Return `text` without the values that the customer file takes from the environment."""
        return self.__dict__["customer"].hide(text) if "customer" in self.__dict__ else text

    @property
    def _spill(self) -> Path:
        return self.home.path / "spill"

    @cached_property
    def con(self) -> ibis.BaseBackend:
        """The engine of this customer."""
        if self._no_engine is not None:  # else every step would wait for it again
            raise self._no_engine
        try:
            return connect(self.customer, self._start, self._spill)
        except EngineError as error:
            self._no_engine = error
            raise

    @cached_property
    def landing(self) -> Backend:
        """The DuckDB that reads this customer's sources, whatever its engine."""
        return self.con if self.customer.engine.kind == "duckdb" else duckdb.connect(self._spill)

    def version(self, asset: str) -> TableVersion | None:
        """Return the version of a table that this run works on; None if there is none."""
        if asset not in self._versions:
            self._versions[asset] = self.home.lake.version(self.name, asset)
        return self._versions[asset]

    def pin(self, asset: str, number: int) -> None:
        """Pin a table to a version for the rest of the run; LakeError if the lake no longer has it."""
        found = self.home.lake.version(self.name, asset, number)
        if found is None:
            raise LakeError(f"version {number} of {asset} of '{self.name}' is not in the lake any more")
        self._versions[asset] = found

    def number(self, asset: str) -> int | None:
        """Return the version number of a table; None if there is none."""
        version = self.version(asset)
        return None if version is None else version.version

    def read(self, asset: str) -> ibis.Table:
        """Return the table at this run's version; NotAvailable if it was never materialised."""
        version = self.version(asset)
        if version is None:
            raise NotAvailable(f"{asset} was never materialised for '{self.name}'")
        pinned = asset, version.version
        if pinned not in self._tables:
            self._tables[pinned] = self.home.lake.read(self.name, asset, self.con, version.version)
        return self._tables[pinned]

    def write(
        self, asset: str, data: ibis.Table | pa.Table, facts: Mapping[str, Any], replace: str | None = None
    ) -> TableVersion:
        """Publish a table and pin the run to the version just written."""
        written = self.home.lake.write(self.name, asset, data, facts, replace)
        self._versions[asset] = written
        return written

    def write_dates(
        self,
        asset: str,
        column: str,
        parts: Mapping[datetime, ibis.Table],
        facts: Mapping[str, Any],
        keep: Collection[datetime],
    ) -> TableVersion:
        """Publish a table divided by dates, those in `keep` unchanged, and pin the run to what was written."""
        before = self.number(asset)
        written = self.home.lake.write_dates(self.name, asset, column, parts, facts, keep, before)
        self._versions[asset] = written
        return written

    def raw_versions(self) -> dict[str, int]:
        """Return the version of each raw table that the customer maps."""
        return {table: n for table in self.customer.tables if (n := self.number(f"raw/{table}")) is not None}

    def tables(self) -> list[str]:
        """Return the canonical tables of this customer: those it maps and those derived from them."""
        mapped = set(self.customer.tables)
        return [table for table in CANONICAL_COLUMNS if table in mapped or DERIVED.get(table) in mapped]

    def validated_versions(self) -> dict[str, int]:
        """Return the version of each validated table, derived ones included."""
        return {table: n for table in self.tables() if (n := self.number(f"validated/{table}")) is not None}

    def verdict(self) -> Verdict | None:
        """Return the latest verdict on this customer's data; None if it was never judged."""
        content = self.home.lake.document(self.name, VERDICT)
        return None if content is None else Verdict.from_json(content.decode())

    def publish_verdict(self, reasons: tuple[str, ...]) -> None:
        """Store the verdict beside the data, where every path finds it without Dagster; no reasons means passed."""
        verdict = Verdict(
            self.name,
            "blocked" if reasons else "passed",
            reasons,
            self.raw_versions(),
            self.validated_versions(),
            datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self.home.lake.put_document(self.name, VERDICT, verdict.to_json().encode())

    def require_passed(self) -> None:
        """Raise Blocked unless validation passed on exactly the data that lies in the lake now."""
        reason = find_refusal(self.name, self.verdict(), self.raw_versions(), self.validated_versions())
        if reason is not None:
            raise Blocked(reason)

    def report(self) -> ValidationReport:
        """Return the validation report that the verdict rests on; Blocked if there is none."""
        content = self.home.lake.document(self.name, REPORT)
        if content is None:
            raise Blocked(f"'{self.name}' has no validation report: run `capflow run --customer {self.name}`")
        return ValidationReport.from_json(content)

    def as_of(self) -> datetime:
        """Return the moment up to which features and predictions see the data; NotAvailable if sales have no times."""
        if self.requested_as_of is not None:
            return self.requested_as_of
        as_of = self.report().as_of
        if as_of is None:
            raise NotAvailable(f"no times: tables.line_items.columns.ts is not mapped for '{self.name}'")
        return as_of

    def first_sale(self) -> datetime:
        """Return the time of the first sale; call it after `as_of`, which shows that sales have times."""
        first_sale = self.report().first_sale
        assert first_sale is not None
        return first_sale

    def close(self) -> None:
        """Disconnect the engines and free their memory."""
        for name in ("con", "landing"):
            if name in self.__dict__:
                self.__dict__[name].disconnect()


def fingerprint(**inputs: Any) -> str:
    """Return the hash of everything that a result depends on: same fingerprint, same result."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()[:16]
