"""Pages of a long read, kept on disk until they are in the lake, to bound memory and to let an interrupted read resume.

They are in `scratch/<customer>/` of the home (or of the folder that CAPFLOW_SCRATCH names), accessible to its owner
only. A failed read leaves its finished pages there for the next run, for at most `KEPT_HOURS`; a read that ends removes
them with its engine. What a killed process left is removed by the customer's next read.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from partitions.customer import Customer

KEPT_HOURS = 12
PART_ROWS, PART_CHARACTERS = 50_000, 8_000_000
READ_SUFFIX = ".read"


class Segment:
    """One part of a table that is read page by page: the pages so far, and the position of the next one."""

    def __init__(self, folder: Path, number: int, columns: int) -> None:
        self.folder, self.number = folder, number
        self.position: Any = None
        self.done = False
        self.parts = self.documents = self.rows = 0
        self.kinds: list[set[str]] = [set() for _ in range(columns)]
        self._reset()
        self._resume()

    def add(self, documents: int, kinds: list[set[str]], texts: list[list[str | None]], position: Any) -> None:
        """Keep one page; `position` is that of the next page, None if this was the last."""
        self.documents += documents
        self.rows += len(texts[0])
        for index, values in enumerate(texts):
            self.kinds[index] |= kinds[index]
            self._texts[index] += values
            self._characters += sum(map(len, filter(None, values)))
        self.position, self.done = position, position is None
        if self.done or self._characters > PART_CHARACTERS or len(self._texts[0]) > PART_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write everything in memory to disk."""
        if not self.documents:
            return
        if self._texts[0]:
            _write_parquet(self.folder / f"{self.number}-{self.parts}.parquet", self._texts)
            self.parts += 1
        self._reset()
        facts = {
            "position": self.position,
            "done": self.done,
            "parts": self.parts,
            "documents": self.documents,
            "rows": self.rows,
            "kinds": [sorted(kinds) for kinds in self.kinds],
        }
        _write_file(self._facts_path, json.dumps(facts).encode())

    def files(self) -> list[str]:
        """Return the finished parts."""
        return [str(self.folder / f"{self.number}-{part}.parquet") for part in range(self.parts)]

    @property
    def _facts_path(self) -> Path:
        return self.folder / f"{self.number}.json"

    def _reset(self) -> None:
        self._texts: list[list[str | None]] = [[] for _ in self.kinds]
        self._characters = 0

    def _resume(self) -> None:
        if not self._facts_path.exists():
            return
        facts = json.loads(self._facts_path.read_bytes())
        self.position, self.done = facts["position"], facts["done"]
        self.parts, self.documents, self.rows = facts["parts"], facts["documents"], facts["rows"]
        self.kinds = [set(kinds) for kinds in facts["kinds"]]


class Scratch:
    """The folder of one read, locked by this process."""

    def __init__(self, folder: Path, lock: IO[bytes], segments: int, columns: int) -> None:
        self.folder, self._lock = folder, lock
        self.segments = [Segment(folder, number, columns) for number in range(segments)]
        self.resumed = sum(segment.documents for segment in self.segments)

    def hand_over(self, owner: object, columns: int) -> list[str]:
        """Return the files of the finished read, at least one, possibly empty; they are removed with `owner`."""
        read = self.folder.with_name(f"{self.folder.name}-{uuid4().hex}{READ_SUFFIX}")
        self.folder.rename(read)
        for segment in self.segments:
            segment.folder = read
        weakref.finalize(owner, _remove, read, self._lock)
        files = [file for segment in self.segments for file in segment.files()]
        if not files:
            files = [str(read / "empty.parquet")]
            _write_parquet(Path(files[0]), [[] for _ in range(columns)])
        return files

    def keep(self) -> int:
        """Leave the pages for the next run, and return how many documents they hold."""
        for segment in self.segments:
            segment.flush()
        documents = sum(segment.documents for segment in self.segments)
        if not documents:
            _remove(self.folder, self._lock)
        self._lock.close()
        return documents

    def discard(self) -> int:
        """Remove the pages, which are of no use to a later run."""
        _remove(self.folder, self._lock)
        return 0


def open_scratch(customer: Customer, digest: str, identity: str, lasting: bool, segments: int, columns: int) -> Scratch:
    """Return the folder for one read, with what an earlier run of the same read left there.

    `digest` identifies what is read, `identity` the table itself: if the table was replaced, positions do not last
    (`lasting` is false), or the pages are too old, the read starts over.
    """
    root = _scratch_folder(customer)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    _remove_expired(root)
    folder = root / digest
    lock = _lock(folder)
    if lock is None:  # another process reads the same: use a folder of its own
        folder = root / f"{digest}-{uuid4().hex}"
        lock = _lock(folder)
        assert lock is not None
    if not (lasting and _is_same_read(folder, identity)):
        _clear(folder)
        _write_file(folder / "read.json", json.dumps({"identity": identity, "began": time.time()}).encode())
    return Scratch(folder, lock, segments, columns)


def _scratch_folder(customer: Customer) -> Path:
    if named := os.environ.get("CAPFLOW_SCRATCH"):
        return Path(named).absolute() / customer.name
    home = customer.path.absolute().parent.parent if customer.path else Path(tempfile.gettempdir()) / "capflow"
    return home / "scratch" / customer.name


def _is_same_read(folder: Path, identity: str) -> bool:
    try:
        facts = json.loads((folder / "read.json").read_bytes())
    except (OSError, ValueError):
        return False
    return bool(facts["identity"] == identity and not _is_expired(facts["began"]))


def _is_expired(began: float) -> bool:
    return not 0 <= time.time() - began < KEPT_HOURS * 3600


def _remove_expired(root: Path) -> None:
    """Remove folders that nobody reads or can resume."""
    for folder in root.iterdir():
        if folder.is_dir() and (folder.name.endswith(READ_SUFFIX) or _is_expired(_start_time(folder))):
            lock = _lock(folder)
            if lock is not None:
                _remove(folder, lock)


def _start_time(folder: Path) -> float:
    with suppress(OSError, ValueError, KeyError):
        return float(json.loads((folder / "read.json").read_bytes())["began"])
    with suppress(OSError):
        return folder.stat().st_mtime
    return time.time()


def _lock(folder: Path) -> IO[bytes] | None:
    """Lock the folder against every other read; None if it is locked. The lock ends with its process."""
    import fcntl

    folder.mkdir(exist_ok=True, mode=0o700)
    lock = (folder / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != "lock":
            path.unlink()


def _remove(folder: Path, lock: IO[bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock.close()


def _write_parquet(path: Path, texts: list[list[str | None]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"c{index}" for index in range(len(texts))]
    table = pa.table([pa.array(values, type=pa.string()) for values in texts], names=names)
    with _write_atomically(path) as partial:
        pq.write_table(table, partial)


def _write_file(path: Path, content: bytes) -> None:
    with _write_atomically(path) as partial:
        partial.write_bytes(content)


@contextmanager
def _write_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces `path` once it is complete."""
    partial = path.with_name(path.name + ".partial")
    yield partial
    partial.replace(path)
