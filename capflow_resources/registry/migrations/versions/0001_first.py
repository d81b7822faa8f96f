"""The first four tables: version, model, event, outcome. Frozen: change tables.py and add a new migration instead."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "version",
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
    op.create_table(
        "model",
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
    op.create_table(
        "event",
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
    )
    op.create_index("event_of_model", "event", ["customer", "model", "id"])
    op.create_table(
        "outcome",
        sa.Column("customer", sa.String(63), nullable=False),
        sa.Column("asset", sa.String(200), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("run_id", sa.String(64)),
        sa.Column("as_of", sa.DateTime),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.PrimaryKeyConstraint("customer", "asset", name="outcome_key"),
        sa.CheckConstraint(
            "status IN ('done', 'reused', 'blocked', 'failed', 'not_available', 'waiting')", name="outcome_status_known"
        ),
    )
