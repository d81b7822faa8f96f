"""What each recording sounds like."""

from capflow_assets.contract.embedding import Embedding

MEDIA_AUDIO = Embedding(
    name="media_audio",
    medium="audio",
    table="media",
    description="What each recording sounds like: alike recordings have near vectors.",
    key=(
        ("media_id", "string", "The recording."),
        ("item_id", "string", "The item that it is of."),
        ("user_id", "string", "The shopper that it is from."),
    ),
)
