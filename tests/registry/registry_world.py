"""A small registry world: one version in one call, and what child processes do to a registry until they are killed."""

import multiprocessing
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

from capflow_resources.objects import ObjectStore
from capflow_resources.registry import Metrics, Registry, Version

AUC = Metrics("auc", 0.74, "recency", 0.65, datetime(2011, 6, 1), 800, low=0.71, high=0.77)
CHILDREN = multiprocessing.get_context("forkserver")  # obstore's threads do not survive a plain fork
CHILDREN.set_forkserver_preload(["sqlalchemy", "alembic.command", "psycopg", "obstore", "capflow_resources.registry"])


def register(registry: Registry, customer: str = "giftco", model: str = "churn", **changed: Any) -> Version:
    """Register a small version; `mark` makes its bytes different, the rest replaces register's own arguments."""
    mark = changed.pop("mark", 1)
    given: dict[str, Any] = {
        "files": {"model.txt": f"tree {mark}\n".encode() * 500, "parts/forest.bin": bytes(range(256))},
        "columns": ["recency_days", "visits"],
        "parameters": {"learning_rate": 0.05, "leaves": 15},
        "facts": {"mean": [1.5, 2.0], "huge": 1e20, "note": "Größe"},
        "metrics": AUC,
        "seed": 2**40,
        "code_version": "1",
        "data_versions": {"features/rfm": 3},
        "trained_as_of": datetime(2011, 6, 1),
        "cpu_seconds": 2.5,
    }
    return registry.register(customer, model, **given | changed)


def register_many(url: str, objects: str, barrier: Barrier, who: int, rounds: int) -> None:
    """One of several processes that start on an empty database at the same moment."""
    registry = Registry(url, ObjectStore(objects))
    barrier.wait(60)
    for step in range(rounds):
        version = register(registry, mark=f"{who}-{step}")
        registry.promote("giftco", "churn", version.number, "better")
        registry.record_status("giftco", "model/churn", "done", run_id=f"{who}-{step}")


def register_until_killed(url: str, objects: str, told: Connection, who: int) -> None:
    """Register and promote for ever, telling each version that was acknowledged."""
    registry = Registry(url, ObjectStore(objects))
    step = 0
    while True:
        version = register(registry, mark=f"{who}-{step}")
        told.send(("registered", version.number))
        registry.promote("giftco", "churn", version.number, "better")
        told.send(("promoted", version.number))
        step += 1


def put_until_killed(objects: str, told: Connection, size: int) -> None:
    """Overwrite one object for ever, each time with another byte all through."""
    store = ObjectStore(objects)
    step = 0
    while True:
        store.put("giftco/big", bytes([step % 256]) * size)
        told.send(step)
        step += 1


def first_use(url: str, objects: str, told: Connection) -> None:
    """Open a registry, which creates its schema."""
    told.send("started")
    Registry(url, ObjectStore(objects)).ledger()
