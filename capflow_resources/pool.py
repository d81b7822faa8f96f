"""The pool: what customers of one vertical chose to give, without ids, so that small ones among them can learn too.

It is the one place where one customer's training meets another's past. Nothing is there that its customer file does
not give (training.pool.give), nobody reads it whose file does not take, and what is taken back is gone.
"""

from __future__ import annotations

from capflow_resources.objects import ObjectStore
from partitions.verticals_file import normalise_vertical


class Pool:
    """Contributions by vertical, model and customer, as bytes in `store`. Errors: ObjectStoreError."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def give(self, vertical: str, model: str, customer: str, content: bytes) -> None:
        """Put a customer's contribution in place of its last one."""
        self._store.put(_key(vertical, model, customer), content)

    def holds(self, vertical: str, model: str, customer: str) -> bool:
        """Whether a customer's contribution to a model is there."""
        return self._store.exists(_key(vertical, model, customer))

    def take_back(self, vertical: str, model: str, customer: str) -> None:
        """Remove what a customer gave to a model."""
        self._store.delete(_key(vertical, model, customer))

    def contributions(self, vertical: str, model: str, taker: str) -> dict[str, bytes]:
        """What others of the vertical gave to a model, by customer, never what the taker itself gave."""
        found = {}
        for key in self._store.list(f"pool/{normalise_vertical(vertical) or 'other'}/{model}"):
            customer = key.rsplit("/", 1)[1].removesuffix(".npz")
            if customer != taker:
                found[customer] = self._store.get(key)
        return found


def _key(vertical: str, model: str, customer: str) -> str:
    return f"pool/{normalise_vertical(vertical) or 'other'}/{model}/{customer}.npz"
