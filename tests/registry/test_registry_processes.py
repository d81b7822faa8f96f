"""Several processes at once, and processes that die at any moment."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from capflow_resources.objects import ObjectStore
from capflow_resources.registry import Registry
from tests.registry.registry_world import CHILDREN, first_use, register, register_many, register_until_killed


@contextmanager
def killed_after(seconds: float, target: Any, *arguments: Any) -> Iterator[list[Any]]:
    """Run `target(*arguments)` in a child, kill -9 it that long after its first message, and give its messages."""
    ours, theirs = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=target, args=[theirs if one is Connection else one for one in arguments])
    child.start()
    theirs.close()
    messages = [ours.recv()]
    time.sleep(seconds)
    child.kill()
    child.join()
    try:
        while True:
            messages.append(ours.recv())
    except EOFError:
        pass
    yield messages


def sound(registry: Registry, store: ObjectStore) -> int:
    """Check all that must hold whatever was killed; the number of versions."""
    versions = registry.versions("giftco", "churn")
    assert [version.number for version in versions] == list(range(1, len(versions) + 1))
    for version in versions:
        assert set(registry.load(version)) == {"model.txt", "parts/forest.bin"}
        assert store.exists(f"giftco/churn/{version.digest}/manifest.json")
    crowned = [event for event in registry.events("giftco", "churn") if event.kind == "promoted"]
    champion = registry.champion("giftco", "churn")
    assert (champion.number if champion else None) == (crowned[-1].version if crowned else None)
    assert registry.generation("giftco", "churn") == len(crowned)
    return len(versions)


def test_six_processes_start_together_and_lose_no_number(
    database_url: str, registry: Registry, store: ObjectStore
) -> None:
    barrier = CHILDREN.Barrier(6)
    children = [
        CHILDREN.Process(target=register_many, args=(database_url, store.uri, barrier, who, 8)) for who in range(6)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0] * 6
    assert sound(registry, store) == 48
    assert registry.generation("giftco", "churn") == 48
    assert len(registry.ledger()) == 1


def test_threads_share_a_registry(registry: Registry, store: ObjectStore) -> None:
    def work(who: int) -> None:
        for step in range(5):
            version = register(registry, mark=f"{who}-{step}")
            registry.promote("giftco", "churn", version.number, "better")

    threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sound(registry, store) == 40


def test_kill_9_at_any_moment_leaves_whole_versions(database_url: str, registry: Registry, store: ObjectStore) -> None:
    registry.ledger()
    moments = random.Random(7)
    acknowledged = 0
    for who in range(20):
        delay = moments.uniform(0, 0.05)
        with killed_after(delay, register_until_killed, database_url, store.uri, Connection, who) as messages:
            count = sound(registry, store)
            acknowledged = max(number for _, number in messages)
            assert acknowledged <= count
            promoted = [number for kind, number in messages if kind == "promoted"]
            champion = registry.champion("giftco", "churn")
            assert not promoted or (champion is not None and champion.number >= promoted[-1])
    assert acknowledged >= 20
    assert register(registry, mark="after").number == sound(registry, store)


def test_kill_9_while_the_schema_is_made_leaves_the_old_one_or_the_new(tmp_path: Path, store: ObjectStore) -> None:
    moments = random.Random(7)
    for number in range(8):
        url = f"sqlite:///{tmp_path}/{number}.db"
        with killed_after(moments.uniform(0, 0.4), first_use, url, store.uri, Connection):
            assert register(Registry(url, store), mark=number).number == 1


def test_a_forked_process_leaves_its_parents_connections_alone(database_url: str, tmp_path: Path) -> None:
    code = """if True:
        import os, sys
        from capflow_resources.objects import ObjectStore
        from capflow_resources.registry import Registry
        registry = Registry(sys.argv[1], ObjectStore(sys.argv[2]))
        registry.record_status("giftco", "model/churn", "done")
        children = [os.fork() or os._exit(os.EX_OK if len(registry.ledger()) == 1 else 1) for _ in range(3)]
        registry.record_status("giftco", "model/churn", "failed")
        print([os.waitpid(child, 0)[1] for child in children], registry.ledger()[0].status)
    """
    command = [sys.executable, "-c", code, database_url, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[0, 0, 0] failed"
