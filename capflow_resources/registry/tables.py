"""The registry's four tables. A change here needs a migration beside it; a test holds both equal."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from capflow_resources.registry.records import STATUSES

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table


class Tables(NamedTuple):
    """The tables, and the SQLAlchemy metadata that holds them."""

    metadata: MetaData
    version: Table
    model: Table
    event: Table
    outcome: Table


@cache
def tables() -> Tables:
    """Return the tables of the registry, built on first use: SQLAlchemy costs 0.3 CPU-seconds to import."""
    from sqlalchemy import MetaData

    metadata = MetaData()
    return Tables(metadata, _version(metadata), _model(metadata), _event(metadata), _outcome(metadata))


def _version(metadata: MetaData) -> Table:
    """Build `version`: every trained version. JSON, not JSONB, which turns 1e20 into an integer and sorts the keys."""
    import sqlalchemy as sa

    return sa.Table(
        "version",
        metadata,
        sa.Column("customer", sa.String(63), nullable=False),
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("columns", sa.JSON, nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("metrics", sa.JSON, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("code_version", sa.Text, nullable=False),
        sa.Column("data_versions", sa.JSON, nullable=False),
        sa.Column("trained_as_of", sa.DateTime, nullable=False),
        sa.Column("cpu_seconds", sa.Double, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("customer", "model", "number", name="version_key"),
        sa.UniqueConstraint("customer", "model", "digest", name="version_digest"),
        sa.CheckConstraint("number >= 1", name="version_number_from_1"),
    )


def _model(metadata: MetaData) -> Table:
    """Build `model`: which version is the champion; `generation` grows with every change of it, for polling."""
    import sqlalchemy as sa

    return sa.Table(
        "model",
        metadata,
        sa.Column("customer", sa.String(63), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("champion", sa.Integer),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("customer", "name", name="model_key"),
        sa.ForeignKeyConstraint(
            ["customer", "name", "champion"],
            ["version.customer", "version.model", "version.number"],
            name="model_champion_exists",
        ),
    )


def _event(metadata: MetaData) -> Table:
    """Build `event`: what was decided and why; rows are only ever added."""
    import sqlalchemy as sa

    return sa.Table(
        "event",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("customer", sa.String(63), nullable=False),
        sa.Column("model", sa.String(63), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.ForeignKeyConstraint(
            ["customer", "model", "version"],
            ["version.customer", "version.model", "version.number"],
            name="event_version_exists",
        ),
        sa.CheckConstraint("kind IN ('registered', 'promoted', 'kept', 'rolled_back')", name="event_kind_known"),
        sa.Index("event_of_model", "customer", "model", "id"),
    )


def _outcome(metadata: MetaData) -> Table:
    """Build `outcome`: the ledger, how the last attempt at each asset of each customer ended."""
    import sqlalchemy as sa

    return sa.Table(
        "outcome",
        metadata,
        sa.Column("customer", sa.String(63), nullable=False),
        sa.Column("asset", sa.String(200), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("run_id", sa.String(64)),
        sa.Column("as_of", sa.DateTime),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("customer", "asset", name="outcome_key"),
        sa.CheckConstraint(f"status IN {STATUSES!r}", name="outcome_status_known"),
    )
