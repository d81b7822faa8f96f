"""Contacts: which shopper was sent which campaign, and whether there was a response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.table import Column, Table
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis

TABLE = Table(
    name="contacts",
    description="Each time that a campaign reached a shopper, or kept one back as its control group.",
    columns=(
        Column("user_id", "string", "The shopper.", nullable=False),
        Column("campaign_id", "string", "The campaign.", nullable=False),
        Column("channel", "string", "How the shopper was reached: mail, e-mail, text message."),
        Column("offer", "string", "What was offered."),
        Column("sent_at", "timestamp", "When it was sent, in UTC."),
        Column("responded_at", "timestamp", "When the shopper answered, in UTC; empty for no answer."),
        Column("treated", "boolean", "False for a shopper of the control group, who was sent nothing."),
    ),
)


def clean(raw: ibis.Table, mapping: TableMapping, timezone: str) -> ibis.Table:
    """Return contacts in canonical columns and types."""
    from capflow_assets.validated.cleaning.cleaning import canonical_columns

    return raw.select(**canonical_columns(raw, TABLE, mapping, timezone))
