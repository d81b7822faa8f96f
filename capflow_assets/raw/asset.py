"""raw/<table>: a customer's source under canonical column names, with nothing dropped or changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.outcome import Blocked, NotAvailable, Outcome
from capflow_assets.raw.staging import stage_rows
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.run.reuse import find_reusable, unchanged_outcome
from capflow_resources import sources
from capflow_resources.lake import TableVersion
from capflow_resources.sources import Since
from capflow_resources.sources.changes.drift import compare_columns, describe_retyped
from capflow_resources.sources.changes.increment import Increment, check_key, is_unchanged, merge_increment
from capflow_resources.sources.changes.watermark import Watermark, WatermarkError, find_highest
from capflow_resources.sources.columns import source_columns
from capflow_resources.sources.errors import file_name, source_error
from partitions.customer import Incremental, TableMapping

if TYPE_CHECKING:
    import ibis

SHOWN = ("mode", "watermark", "rows_read", "rows_late", "rows_replaced", "new_columns", "gone_columns")


@dataclass(frozen=True)
class RawFacts:
    """The facts of one version of a raw table: what it depends on, and where the next load continues.

    `settings` is a hash of the place and mapping; `columns` are the source's columns with its own types. `mode` is
    "full" or "incremental" for tables with a watermark, "" for others; `read_in_full` is when all rows were last read.
    `rows_read`, `rows_late` and `rows_replaced` count the rows of an increment.
    """

    fingerprint: str
    source: str
    settings: str
    columns: Mapping[str, str] = field(default_factory=dict)
    new_columns: tuple[str, ...] = ()
    gone_columns: tuple[str, ...] = ()
    mode: str = ""
    read_in_full: datetime | None = None
    watermark: Watermark | None = None
    rows_read: int | None = None
    rows_late: int | None = None
    rows_replaced: int | None = None

    def to_facts(self) -> dict[str, Any]:
        """Return the facts as they are stored with the table's version; empty ones are left out."""
        facts: dict[str, Any] = {"fingerprint": self.fingerprint, "source": self.source, "settings": self.settings}
        facts["columns"] = dict(self.columns)
        facts |= {name: list(getattr(self, name)) for name in ("new_columns", "gone_columns") if getattr(self, name)}
        if self.mode:
            facts["mode"] = self.mode
        if self.read_in_full is not None:
            facts["read_in_full"] = self.read_in_full.isoformat()
        if self.watermark is not None:
            facts["watermark"] = self.watermark.to_json()
        counts = {name: getattr(self, name) for name in ("rows_read", "rows_late", "rows_replaced")}
        return facts | {name: count for name, count in counts.items() if count is not None}

    @staticmethod
    def from_facts(facts: Mapping[str, Any]) -> RawFacts:
        """Read the facts of a stored version, also of one written before a fact existed."""
        read_in_full = facts.get("read_in_full")
        return RawFacts(
            facts.get("fingerprint", ""),
            facts.get("source", ""),
            facts.get("settings", ""),
            facts.get("columns", {}),
            tuple(facts.get("new_columns", ())),
            tuple(facts.get("gone_columns", ())),
            facts.get("mode", ""),
            datetime.fromisoformat(read_in_full) if read_in_full else None,
            Watermark.from_json(facts.get("watermark")),
            facts.get("rows_read"),
            facts.get("rows_late"),
            facts.get("rows_replaced"),
        )

    def facts_to_show(self) -> dict[str, Any]:
        """Return the facts that people see with the outcome."""
        facts = self.to_facts()
        if self.watermark is not None:
            facts["watermark"] = facts["watermark"]["value"]
        return {name: facts[name] for name in SHOWN if name in facts}


@dataclass(frozen=True)
class TableRead:
    """One read of a table: its mapping, its facts so far, and the stored version to continue from (None: read all)."""

    table: str
    mapping: TableMapping
    facts: RawFacts
    before: TableVersion | None
    now: datetime

    @property
    def stored(self) -> RawFacts | None:
        """The facts of the stored version."""
        return RawFacts.from_facts(self.before.facts) if self.before else None


def load(run: CustomerRun, asset: str) -> Outcome:
    """Load one table from its source into the lake: in full, or from its watermark on; nothing if it is unchanged.

    Blocked when the type of a mapped column changed; a run with `force` accepts what is there now and reads all of it.
    """
    table = asset.removeprefix("raw/")
    mapping = run.customer.tables.get(table)
    if mapping is None:
        raise NotAvailable(f"'{run.name}' does not send {table}: tables.{table} is not in its customer file")
    state = sources.fingerprint(run.customer, mapping)
    reader = sources.kind_module(run.customer.sources[mapping.source].kind)
    current = fingerprint(source=state, code=code_version(__name__, reader))
    if state is not None and (reused := find_reusable(run, asset, current)):
        return reused
    read = _begin_read(run, table, mapping, current)
    try:
        if mapping.incremental:
            return _read_increment(run, read, mapping.incremental)
        return _read_whole(run, read, has_state=state is not None)
    except WatermarkError as error:
        remedy = f"Correct tables.{table}.incremental in {file_name(run.customer)}, or take it out."
        raise source_error(run.customer, run.customer.sources[mapping.source], str(error), remedy) from None


def _begin_read(run: CustomerRun, table: str, mapping: TableMapping, current: str) -> TableRead:
    settings = sources.settings_hash(run.customer, mapping)
    before = None if run.force else run.version(f"raw/{table}")
    if before and RawFacts.from_facts(before.facts).settings != settings:  # another mapping or place: start over
        before = None
    return TableRead(table, mapping, RawFacts(current, mapping.source, settings), before, datetime.now(UTC))


def _read_whole(run: CustomerRun, read: TableRead, has_state: bool) -> Outcome:
    """Read all rows; compare them with the stored ones first where the source cannot say whether it changed."""
    opened, facts = _open_source(run, read)
    before = read.before
    with sources.explain_errors(run.customer, read.mapping):
        if has_state or before is None:
            return _publish(run, read, opened, facts)
        with stage_rows(run, read.table, opened) as rows:
            if is_unchanged(_load_stored_rows(run, read), rows):
                return unchanged_outcome(before, f"raw/{read.table}", "read again", facts.facts_to_show())
            return _publish(run, read, rows, facts)


def _read_increment(run: CustomerRun, read: TableRead, settings: Incremental) -> Outcome:
    """Read the rows from a little before the highest stored watermark on; all rows where none is stored."""
    stored = read.stored.watermark if read.stored else None
    if read.before is None or stored is None or _is_full_read_due(settings, read):
        return _read_all_rows(run, read, settings)
    since = Since(settings.watermark, stored.lower_bound(settings))
    opened, facts = _open_source(run, read, since)
    with sources.explain_errors(run.customer, read.mapping), stage_rows(run, read.table, opened) as rows:
        highest = find_highest(settings, rows, run.customer.timezone, read.now)
        highest = highest or Watermark(stored.kind, since.value, stored.form)
        check_key(settings, rows)
        if highest.is_comparable_to(stored):
            merged = merge_increment(_load_stored_rows(run, read), rows, since.value, stored, settings.key)
            if merged is not None:
                return _publish_increment(run, read, merged, highest, facts)
    return _read_all_rows(run, read, settings)


def _read_all_rows(run: CustomerRun, read: TableRead, settings: Incremental) -> Outcome:
    opened, facts = _open_source(run, read)
    with sources.explain_errors(run.customer, read.mapping), stage_rows(run, read.table, opened) as rows:
        highest = find_highest(settings, rows, run.customer.timezone, read.now)
        check_key(settings, rows)
        facts = replace(facts, mode="full", read_in_full=read.now, watermark=highest)
        return _publish(run, read, rows, facts)


def _publish_increment(
    run: CustomerRun, read: TableRead, increment: Increment, highest: Watermark, facts: RawFacts
) -> Outcome:
    assert read.before is not None
    assert read.stored is not None
    facts = replace(facts, rows_read=increment.read, rows_late=increment.late, rows_replaced=increment.replaced)
    if increment.merged is None:
        return unchanged_outcome(
            read.before, f"raw/{read.table}", f"{increment.read:,} rows read again", facts.facts_to_show()
        )
    facts = replace(facts, mode="incremental", read_in_full=read.stored.read_in_full, watermark=highest)
    return _publish(run, read, increment.merged, facts)


def _is_full_read_due(settings: Incremental, read: TableRead) -> bool:
    """Return whether all rows must be read again, so that rows deleted at the source disappear."""
    last = read.stored.read_in_full if read.stored else None
    if last is None:
        return True
    return settings.full_every_days is not None and read.now - last >= timedelta(days=settings.full_every_days)


def _open_source(run: CustomerRun, read: TableRead, since: Since | None = None) -> tuple[ibis.Table, RawFacts]:
    """Return the source's rows, and the facts with its columns; Blocked when the type of a mapped one changed."""
    opened = sources.open_table(run.customer, read.mapping, run.landing, since)
    if since is None:
        with sources.explain_errors(run.customer, read.mapping):
            sources.refuse_empty(run.customer, read.mapping, opened.rows)
    before = read.stored.columns if read.stored else {}
    facts = replace(read.facts, columns=dict(opened.columns))
    if before:
        drift = compare_columns(before, opened.columns, source_columns(read.mapping))
        if drift.retyped:
            command = f"capflow run --customer {run.name} --force"
            remedy = f"Correct it at the source, or accept it (all is read again): `{command}`."
            source = run.customer.sources[read.mapping.source]
            raise Blocked(str(source_error(run.customer, source, describe_retyped(drift.retyped), remedy)))
        facts = replace(facts, new_columns=drift.new, gone_columns=drift.gone)
    return sources.to_canonical(opened.rows, read.mapping), facts


def _load_stored_rows(run: CustomerRun, read: TableRead) -> ibis.Table:
    assert read.before is not None
    return run.home.lake.read(run.name, f"raw/{read.table}", run.landing, read.before.version)


def _publish(run: CustomerRun, read: TableRead, data: ibis.Table, facts: RawFacts) -> Outcome:
    asset = f"raw/{read.table}"
    written = run.write(asset, data, facts.to_facts())
    shown = {"rows": written.rows, "version": written.version, **facts.facts_to_show()}
    return Outcome(asset, "done", facts=shown, fingerprint=facts.fingerprint)
