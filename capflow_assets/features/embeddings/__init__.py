"""Embeddings: what an item's text, a picture or a recording is like, as a vector of numbers."""

from capflow_assets.contract.embedding import Embedding, EmbeddingError, Encoder, Unreadable

ITEM_TEXT = Embedding(
    name="item_text",
    medium="text",
    table="items",
    description="What each item is like, by the words that describe it: alike items have near vectors.",
    key=(("item_id", "string", "The item."),),
)
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
EMBEDDINGS: dict[str, Embedding] = {one.name: one for one in (ITEM_TEXT, MEDIA_IMAGE, MEDIA_AUDIO)}

__all__ = ["EMBEDDINGS", "Embedding", "EmbeddingError", "Encoder", "Unreadable"]
