"""raw/<table>: a customer's source under canonical column names, with nothing dropped or changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from capflow_assets.contract.outcome import Blocked, NotAvailable, Outcome
from capflow_assets.raw.staging import staged
from capflow_assets.run.code_version import code_version
from capflow_assets.run.customer_run import CustomerRun, fingerprint
from capflow_assets.run.reuse import find_reusable, unchanged_outcome
from capflow_resources import sources
from capflow_resources.lake import TableVersion
from capflow_resources.sources import Since
from capflow_resources.sources.changes.drift import compare_columns, describe_retyped
from capflow_resources.sources.changes.increment import Increment, check_key, is_unchanged, merge_increment
from capflow_resources.sources.changes.watermark import Watermark, WatermarkError, find_highest
from capflow_resources.sources.columns import WATERMARK, source_columns
from capflow_resources.sources.errors import file_name, source_error
from partitions.customer import Incremental, TableMapping

if TYPE_CHECKING:
    import ibis

SHOWN = ("mode", "watermark", "rows_read", "rows_late", "rows_replaced", "new_columns", "gone_columns")


@dataclass(frozen=True)
class Reading:
    """One reading of a table: how it is mapped, and the stored version that it goes on from (None: from nothing)."""

    table: str
    mapping: TableMapping
    facts: Mapping[str, Any]
    before: TableVersion | None
    now: datetime


def load(run: CustomerRun, asset: str) -> Outcome:
    """Bring one table from its source into the lake: whole, or from its watermark on; not at all when it is unchanged.

    Blocked when a mapped column holds another kind of values than before; a run with `force` takes over what is there
    now, and all of it.
    """
    table = asset.removeprefix("raw/")
    mapping = run.customer.tables.get(table)
    if mapping is None:
        raise NotAvailable(f"'{run.name}' does not send {table}: tables.{table} is not in its customer file")
    state = sources.fingerprint(run.customer, mapping)
    reader = sources.kind_module(run.customer.sources[mapping.source].kind)
    mark = fingerprint(source=state, code=code_version(__name__, reader))
    if state is not None and (fresh := find_reusable(run, asset, mark)):
        return fresh
    reading = _reading(run, table, mapping, mark)
    try:
        if mapping.incremental:
            return _by_watermark(run, reading, mapping.incremental)
        return _whole(run, reading, tells=state is not None)
    except WatermarkError as error:
        remedy = f"Correct tables.{table}.incremental in {file_name(run.customer)}, or take it out."
        raise source_error(run.customer, run.customer.sources[mapping.source], str(error), remedy) from None


def rows(run: CustomerRun, table: str) -> ibis.Table:
    """A raw table without CapFlow's own column."""
    raw = run.read(f"raw/{table}")
    return raw.drop(WATERMARK) if WATERMARK in raw.columns else raw


def _reading(run: CustomerRun, table: str, mapping: TableMapping, mark: str) -> Reading:
    settings = sources.settings_hash(run.customer, mapping)
    before = None if run.force else run.version(f"raw/{table}")
    if before and before.facts.get("settings") != settings:  # another mapping or place: nothing to go on from
        before = None
    facts = {"fingerprint": mark, "source": mapping.source, "settings": settings}
    return Reading(table, mapping, facts, before, datetime.now(UTC))


def _whole(run: CustomerRun, reading: Reading, tells: bool) -> Outcome:
    """All rows; those of a source that does not tell whether it changed are compared with the stored ones first."""
    opened, noticed = _looked(run, reading)
    before = reading.before
    with sources.explain_errors(run.customer, reading.mapping):
        if tells or before is None:
            return _published(run, reading, opened, noticed)
        with staged(run, reading.table, opened) as read:
            if is_unchanged(_stored(run, reading), read):
                return unchanged_outcome(before, f"raw/{reading.table}", "read again", noticed)
            return _published(run, reading, read, noticed)


def _by_watermark(run: CustomerRun, reading: Reading, asked: Incremental) -> Outcome:
    """The rows from a little before the highest stored watermark on; all rows where there is nothing to go on from."""
    stored = Watermark.from_facts(reading.before.facts.get("watermark")) if reading.before else None
    if reading.before is None or stored is None or _is_due(asked, reading.before, reading.now):
        return _all_by_watermark(run, reading, asked)
    since = Since(asked.watermark, stored.begin(asked))
    opened, noticed = _looked(run, reading, since)
    with sources.explain_errors(run.customer, reading.mapping), staged(run, reading.table, opened) as read:
        now = find_highest(asked, read, run.customer.timezone, reading.now) or Watermark(
            stored.kind, since.value, stored.form
        )
        check_key(asked, read)
        found = (
            merge_increment(_stored(run, reading), read, since.value, stored, asked.key)
            if now.follows(stored)
            else None
        )
        if found is not None:
            return _stepped(run, reading, found, now, noticed)
    return _all_by_watermark(run, reading, asked)


def _all_by_watermark(run: CustomerRun, reading: Reading, asked: Incremental) -> Outcome:
    opened, noticed = _looked(run, reading)
    with sources.explain_errors(run.customer, reading.mapping), staged(run, reading.table, opened) as read:
        mark = find_highest(asked, read, run.customer.timezone, reading.now)
        check_key(asked, read)
        facts = {"mode": "full", "read_in_full": reading.now.isoformat(), "watermark": mark and mark.facts()}
        return _published(run, reading, read, {**facts, **noticed})


def _stepped(run: CustomerRun, reading: Reading, found: Increment, now: Watermark, noticed: dict[str, Any]) -> Outcome:
    before = reading.before
    assert before is not None
    counts = {"rows_read": found.read, "rows_late": found.late, "rows_replaced": found.replaced}
    if found.merged is None:
        return unchanged_outcome(
            before, f"raw/{reading.table}", f"{found.read:,} rows read again", {**counts, **noticed}
        )
    kept = {"read_in_full": before.facts["read_in_full"], "watermark": now.facts(), "mode": "incremental"}
    return _published(run, reading, found.merged, {**kept, **counts, **noticed})


def _is_due(asked: Incremental, before: TableVersion, now: datetime) -> bool:
    """Whether it is time to read all rows again, so that those deleted long ago go."""
    last = datetime.fromisoformat(before.facts["read_in_full"])
    return asked.full_every_days is not None and now - last >= timedelta(days=asked.full_every_days)


def _looked(run: CustomerRun, reading: Reading, since: Since | None = None) -> tuple[ibis.Table, dict[str, Any]]:
    """The rows of the source and what is new about its columns; Blocked when a mapped one changed its kind."""
    opened = sources.open_table(run.customer, reading.mapping, run.landing, since)
    if since is None:
        with sources.explain_errors(run.customer, reading.mapping):
            sources.refuse_empty(run.customer, reading.mapping, opened.rows)
    before = reading.before.facts.get("columns", {}) if reading.before else {}
    drift = compare_columns(before, opened.columns, source_columns(reading.mapping)) if before else None
    if drift and drift.retyped:
        remedy = (
            f"Correct it at the source, or accept it (all is read again): `capflow run --customer {run.name} --force`."
        )
        source = run.customer.sources[reading.mapping.source]
        raise Blocked(str(source_error(run.customer, source, describe_retyped(drift.retyped), remedy)))
    facts = {"columns": dict(opened.columns), **(drift.facts() if drift else {})}
    return sources.to_canonical(opened.rows, reading.mapping), facts


def _stored(run: CustomerRun, reading: Reading) -> ibis.Table:
    assert reading.before is not None
    return run.home.lake.read(run.name, f"raw/{reading.table}", run.landing, reading.before.version)


def _published(run: CustomerRun, reading: Reading, data: ibis.Table, facts: dict[str, Any]) -> Outcome:
    asset = f"raw/{reading.table}"
    written = run.write(asset, data, {**reading.facts, **facts})
    shown = {name: facts[name] for name in SHOWN if name in facts}
    if shown.get("watermark"):
        shown["watermark"] = shown["watermark"]["value"]
    mark = reading.facts["fingerprint"]
    return Outcome(asset, "done", facts={"rows": written.rows, "version": written.version, **shown}, fingerprint=mark)
