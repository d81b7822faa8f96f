"""The pool: contributions, without ids, that customers of a vertical give so that small ones can learn from them too.

It is the one place where a customer's training reads another's past. It holds only what a customer file gives
(training.pool.give) and is read only for customers whose file takes; a contribution that is taken back is deleted.
"""

from __future__ import annotations

from capflow_resources.objects import ObjectStore
from partitions.verticals_file import normalise_vertical


class Pool:
    """Contributions by vertical, model and customer, as bytes in `store`. Raises ObjectStoreError."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def give(self, vertical: str, model: str, customer: str, content: bytes) -> None:
        """Store a customer's contribution to a model in place of its last one."""
        self._store.put(_key(vertical, model, customer), content)

    def has_contribution(self, vertical: str, model: str, customer: str) -> bool:
        """Return whether a customer has a contribution to a model in the pool."""
        return self._store.exists(_key(vertical, model, customer))

    def take_back(self, vertical: str, model: str, customer: str) -> None:
        """Delete a customer's contribution to a model."""
        self._store.delete(_key(vertical, model, customer))

    def contributions(self, vertical: str, model: str, taker: str) -> dict[str, bytes]:
        """Return the contributions of others of the vertical to a model, by customer; never the taker's own."""
        contributions = {}
        for key in self._store.list(f"pool/{normalise_vertical(vertical) or 'other'}/{model}"):
            customer = key.rsplit("/", 1)[1].removesuffix(".npz")
            if customer != taker:
                contributions[customer] = self._store.get(key)
        return contributions


def _key(vertical: str, model: str, customer: str) -> str:
    return f"pool/{normalise_vertical(vertical) or 'other'}/{model}/{customer}.npz"
