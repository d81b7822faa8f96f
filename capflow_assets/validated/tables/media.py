"""Media: pictures and sound that belong to an item or a shopper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capflow_assets.contract.table import Column, Rule, Table
from partitions.customer import TableMapping

if TYPE_CHECKING:
    import ibis

TABLE = Table(
    name="media",
    description="Each picture or recording once, with where it lies.",
    columns=(
        Column("media_id", "string", "The picture or recording.", nullable=False),
        Column(
            "kind",
            "string",
            "What it is: image or audio.",
            nullable=False,
            rules=(Rule("isin", {"allowed_values": ["image", "audio"]}, "Send only images and audio.", False),),
        ),
        Column("uri", "string", "Where it lies.", nullable=False),
        Column("item_id", "string", "The item that it shows."),
        Column("user_id", "string", "The shopper that it is from."),
        Column("label", "string", "What it is known to show or say."),
        Column("bytes", "int64", "How large its file is."),
        Column("format", "string", "How it is encoded: jpeg, png, wav, mp3."),
        Column("width", "int64", "A picture's width in pixels."),
        Column("height", "int64", "A picture's height in pixels."),
        Column("duration_seconds", "float64", "How long a recording is."),
        Column("sample_rate", "int64", "A recording's samples in one second."),
        Column("channels", "int64", "A recording's channels: 1 for mono, 2 for stereo."),
        Column(
            "corrupt",
            "boolean",
            "Whether it cannot be decoded.",
            rules=(
                # Many corrupt files concern only the models that need media (validation/needs), so they never block.
                Rule("equal_to", {"value": False}, "Send the file again; corrupt_reason says why.", False, 1.0),
            ),
        ),
        Column("corrupt_reason", "string", "Why it cannot be decoded."),
    ),
    key=("media_id",),
)


def clean(raw: ibis.Table, mapping: TableMapping, timezone: str) -> ibis.Table:
    """Return media in canonical columns and types."""
    from capflow_assets.validated.cleaning.cleaning import canonical_columns, one_row_per_key

    return one_row_per_key(raw.select(**canonical_columns(raw, TABLE, mapping, timezone)), TABLE, mapping)
