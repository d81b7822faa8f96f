"""What each item is like, by the words that describe it."""

from capflow_assets.contract.embedding import Embedding

ITEM_TEXT = Embedding(
    name="item_text",
    medium="text",
    table="items",
    description="What each item is like, by the words that describe it: alike items have near vectors.",
    key=(("item_id", "string", "The item."),),
)
