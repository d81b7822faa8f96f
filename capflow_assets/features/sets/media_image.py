"""What each picture looks like."""

from capflow_assets.contract.embedding import Embedding

MEDIA_IMAGE = Embedding(
    name="media_image",
    medium="image",
    table="media",
    description="What each picture looks like: alike pictures have near vectors.",
    key=(
        ("media_id", "string", "The picture."),
        ("item_id", "string", "The item that it shows."),
        ("user_id", "string", "The shopper that it is from."),
    ),
)
