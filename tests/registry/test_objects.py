"""Objects: whole or absent, under their customer's name, in a folder and in a bucket."""

import os
import random
import resource
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from capflow_resources.objects import ObjectNotFoundError, ObjectStore, ObjectStoreError
from tests.registry.registry_world import CHILDREN, put_until_killed
from tests.registry.test_registry_processes import killed_after

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket on an S3 server on loopback."""
    pytest.importorskip("moto", reason="no S3 server: pip install 'moto[s3]' flask flask-cors")
    pytest.importorskip("flask_cors", reason="no S3 server: pip install 'moto[s3]' flask flask-cors")
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**keys, "AWS_ENDPOINT_URL": endpoint}.items():
            patch.setenv(name, value)
        boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="objects")
        yield "s3://objects/capflow/"
    server.stop()


@pytest.fixture(params=["path", "file", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """A store of every kind."""
    if request.param == "s3":
        return ObjectStore(request.getfixturevalue("bucket"))
    folder = tmp_path / "with a space"
    return ObjectStore(str(folder) if request.param == "path" else folder.as_uri())


def test_what_is_put_can_be_had_listed_and_deleted(objects: ObjectStore) -> None:
    objects.put("giftco/churn/1/model.txt", b"one")
    objects.put("giftco/churn/1/model.txt", b"two")
    objects.put("giftco/churn2/1/model.txt", b"")
    objects.put("grocerus/churn/1/model.txt", b"another customer's")
    assert objects.get("giftco/churn/1/model.txt") == b"two"
    assert objects.get("giftco/churn2/1/model.txt") == b""
    assert objects.list("giftco/churn") == ["giftco/churn/1/model.txt"]
    assert objects.list("giftco") == ["giftco/churn/1/model.txt", "giftco/churn2/1/model.txt"]
    assert objects.list("vendcafe") == []
    for _ in range(2):
        objects.delete("giftco/churn/1/model.txt")
        assert not objects.exists("giftco/churn/1/model.txt")
    assert objects.exists("grocerus/churn/1/model.txt")


def test_a_large_object_comes_back_whole(objects: ObjectStore) -> None:
    data = random.Random(1).randbytes(12_000_000)  # more than one part of a multipart upload
    objects.put("giftco/big", data)
    assert objects.get("giftco/big") == data


def test_a_missing_object_is_named_with_its_place(objects: ObjectStore) -> None:
    with pytest.raises(ObjectNotFoundError, match="There is no object 'giftco/none'") as caught:
        objects.get("giftco/none")
    assert objects.uri in str(caught.value)


OUTSIDE = ["", "/etc/passwd", "giftco", "giftco/", "giftco/../x", "../x", "giftco//x", "giftco/.x", "Giftco/x"]
UNWRITABLE = ["giftco/a#1", "giftco/a b", "giftco/a\n", "giftco/a\0", "giftco/" + "a" * 201, "giftco" + "/abc" * 300]


@pytest.mark.parametrize("key", [*OUTSIDE, *UNWRITABLE])
def test_a_key_outside_a_customer_is_refused(store: ObjectStore, key: str) -> None:
    for call in (store.get, store.exists, store.delete, lambda key: store.put(key, b"")):
        with pytest.raises(ValueError, match="cannot be an object's key"):
            call(key)
    if key != "giftco":
        with pytest.raises(ValueError, match="cannot be an object's key"):
            store.list(key)


@pytest.mark.parametrize("uri", ["", "file://host/x", "ftp://x/y", "s3://", "s3://me:hunter2@bucket/x"])
def test_a_place_that_cannot_be_used_is_explained(uri: str) -> None:
    with pytest.raises(ValueError, match="is not a place for objects") as caught:
        ObjectStore(uri)
    assert "hunter2" not in str(caught.value)


def test_a_folder_is_touched_on_first_use_only(tmp_path: Path) -> None:
    ObjectStore(str(tmp_path / "later"))
    assert not (tmp_path / "later").exists()


def test_an_unreachable_bucket_is_an_error_that_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("capflow_resources.objects.RETRY_SECONDS", 0)
    with pytest.raises(ObjectStoreError, match=r"write the object 'giftco/x' in s3://objects.*\n.*AWS_\*"):
        ObjectStore("s3://objects").put("giftco/x", b"")


def test_kill_9_while_writing_leaves_the_old_bytes_or_the_new(store: ObjectStore) -> None:
    size, moments = 4_000_000, random.Random(7)
    for _ in range(15):
        delay = moments.uniform(0, 0.03)
        with killed_after(delay, put_until_killed, store.uri, Connection, size) as steps:
            data = store.get("giftco/big")
            assert data == data[:1] * size
            assert data[0] in {steps[-1] % 256, (steps[-1] + 1) % 256}
            assert store.list("giftco") == ["giftco/big"]


def _put_too_much(uri: str, told: Connection) -> None:
    store = ObjectStore(uri)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        store.put("giftco/x", b"n" * 1_000_000)
    except ObjectStoreError as error:
        told.send(str(error))


def test_a_write_that_the_disk_refuses_leaves_the_old_bytes_and_no_rest(store: ObjectStore, tmp_path: Path) -> None:
    store.put("giftco/x", b"old")
    ours, theirs = CHILDREN.Pipe(duplex=False)
    child = CHILDREN.Process(target=_put_too_much, args=(store.uri, theirs))
    child.start()
    theirs.close()
    message = ours.recv()
    child.join()
    assert "Could not write the object 'giftco/x'" in message
    assert "free space" in message
    assert store.get("giftco/x") == b"old"
    assert os.listdir(tmp_path / "objects" / "giftco") == ["x"]  # noqa: PTH208


def test_a_forked_process_is_told_instead_of_hanging(tmp_path: Path) -> None:
    code = """if True:
        import os, sys
        from capflow_resources.objects import ObjectStore, ObjectStoreError
        store = ObjectStore(sys.argv[1])
        store.put("giftco/x", b"")
        if os.fork() == 0:
            try:
                store.get("giftco/x")
            except ObjectStoreError as error:
                print(str(error), flush=True)
            os._exit(0)
        os.wait()
    """
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert "spawn or forkserver" in done.stdout
