"""Artefact and document bytes in a folder or a bucket, each object complete or absent, under its customer's name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from partitions.customer import NAME_PATTERN

if TYPE_CHECKING:
    from obstore.store import ClientConfig, LocalStore, S3Store

SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=@+-]{0,199}")
MAX_KEY_LENGTH = 900  # bytes; S3 stops at 1,024 and the bucket prefix counts
RETRY_SECONDS = 60

_pid_using_obstore: int | None = None


class ObjectStoreError(Exception):
    """An object could not be read or written; the message says which, where, and what to do."""


class ObjectNotFoundError(ObjectStoreError):
    """There is no object of that key."""


class ObjectStore:
    """Stores bytes under keys like `giftco/churn/<digest>/model.txt`; a reader sees a complete object or none.

    `uri` is a folder (`/data/objects`, `file:///data/objects`) or a bucket (`s3://bucket/prefix`, with the AWS_*
    environment variables for credentials, region and endpoint). Nothing is touched before the first call.
    A put overwrites. Raises ObjectStoreError, and from `get` ObjectNotFoundError.
    """

    def __init__(self, uri: str) -> None:
        self.uri, self._folder = _parse_uri(uri)

    def __repr__(self) -> str:
        return f"ObjectStore({self.uri!r})"

    def put(self, key: str, data: bytes) -> None:
        """Write one object atomically: whatever happens, readers see the old bytes or all of the new ones.

        In a folder the bytes are flushed to the disk when this returns.
        """
        import obstore

        check_key(key)
        with self._explain_errors("write", key):
            if self._folder is None:
                obstore.put(self._store, key, data)
                return
            obstore.put(self._store, key, data, use_multipart=False)  # staged as `key#1`, then renamed
            path = self._folder / key
            _flush(path)
            _flush(path.parent)

    def get(self, key: str) -> bytes:
        """Return the bytes of one object; raises ObjectNotFoundError."""
        import obstore

        check_key(key)
        with self._explain_errors("read", key):
            return obstore.get(self._store, key).bytes().to_bytes()

    def exists(self, key: str) -> bool:
        """Return whether there is an object of that key."""
        import obstore

        check_key(key)
        with self._explain_errors("look up", key):
            try:
                obstore.head(self._store, key)
            except FileNotFoundError:
                return False
            return True

    def list(self, prefix: str) -> Sequence[str]:
        """Return the sorted keys under `prefix`: a customer or a folder below one, never a part of a name."""
        import obstore

        _check_parts(prefix, min_parts=1)
        with self._explain_errors("list", prefix):
            chunks = obstore.list(self._store, prefix)
            return sorted(entry["path"] for chunk in chunks for entry in chunk)

    def delete(self, key: str) -> None:
        """Remove one object; nothing happens when it is absent already."""
        import obstore

        check_key(key)
        with self._explain_errors("delete", key):
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return

    @cached_property
    def _store(self) -> LocalStore | S3Store:
        return _open_folder(self._folder) if self._folder is not None else _open_bucket(self.uri)

    @contextmanager
    def _explain_errors(self, action: str, key: str) -> Iterator[None]:
        """Turn any error of the store into one that says what failed, where, and what to do."""
        from obstore.exceptions import BaseError

        _refuse_after_fork()
        try:
            yield
        except FileNotFoundError as error:
            raise ObjectNotFoundError(
                f"There is no object {key!r} in {self.uri}.\n"
                "It was deleted, or this is another store than the one it was written to: check the store's uri."
            ) from error
        except (BaseError, OSError, ValueError) as error:
            cause = str(error).split("\n", 1)[0]
            raise ObjectStoreError(
                f"Could not {action} the object {key!r} in {self.uri}: {cause}\n{self._advice()}"
            ) from error

    def _advice(self) -> str:
        if self._folder is not None:
            return f"Check the free space and the permissions of {self._folder}; nothing half-written is visible."
        return "Check the bucket's name, the network, and AWS_* in the environment (credentials, region, endpoint)."


def check_key(key: str) -> str:
    """Return the key itself if it is `customer/…/name` in plain characters; raises ValueError."""
    return _check_parts(key, min_parts=2)


def _check_parts(key: str, min_parts: int) -> str:
    segments = key.split("/")
    wrong = next((segment for segment in segments if not SEGMENT.fullmatch(segment)), None)
    if wrong is not None:
        problem = f"the part {wrong!r} is not made of letters, digits and ._=@+- (and may not begin with a dot)"
    elif not re.fullmatch(NAME_PATTERN, segments[0]):
        problem = f"{segments[0]!r} is not a customer's name"
    elif len(segments) < min_parts:
        problem = "it names a customer and no object"
    elif len(key) > MAX_KEY_LENGTH:
        problem = f"it is longer than {MAX_KEY_LENGTH} characters"
    else:
        return key
    raise ValueError(f"{key!r} cannot be an object's key: {problem}.\nWrite it as customer/folder/name.")


def _parse_uri(uri: str) -> tuple[str, Path | None]:
    """Return the normal form of `uri`, and its folder if it is on this machine; raises ValueError."""
    parts = urlsplit(uri)
    if "://" not in uri:
        if uri:
            folder = Path(uri).expanduser().absolute()
            return folder.as_uri(), folder
    elif parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.startswith("/"):
        folder = Path(unquote(parts.path))
        return folder.as_uri(), folder
    elif parts.scheme == "s3" and parts.netloc and "@" not in parts.netloc and not parts.query:
        return uri.rstrip("/"), None
    without_secrets = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
    raise ValueError(
        f"{without_secrets!r} is not a place for objects.\n"
        "Use a folder (/data/objects or file:///data/objects) or a bucket (s3://bucket/prefix, with its "
        "credentials in the environment, never in the uri)."
    )


def _open_folder(folder: Path) -> LocalStore:
    from obstore.store import LocalStore

    return LocalStore(folder, mkdir=True)


def _open_bucket(uri: str) -> S3Store:
    from datetime import timedelta

    from obstore.store import S3Store

    client: ClientConfig = {"connect_timeout": "5s", "timeout": "60s"}  # the limits of one request
    if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):  # only where such an endpoint was set on purpose
        client["allow_http"] = True
    parts = urlsplit(uri)
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        client_options=client,
        retry_config={"max_retries": 5, "retry_timeout": timedelta(seconds=RETRY_SECONDS)},
    )


def _flush(path: Path) -> None:
    """Flush a file or folder to the disk.

    A rename alone is not yet on the disk: a power cut could leave a database row whose bytes are gone.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_after_fork() -> None:
    """Raise ObjectStoreError in a forked process, where obstore has lost its threads and its next call would hang."""
    global _pid_using_obstore
    if _pid_using_obstore not in (None, os.getpid()):
        raise ObjectStoreError(
            f"Process {os.getpid()} was forked from one that used the object store, which would hang here.\n"
            "Start worker processes by spawn or forkserver: multiprocessing.get_context('spawn')."
        )
    _pid_using_obstore = os.getpid()
