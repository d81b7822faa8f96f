"""A file system of fsspec as DuckDB reads it: under a scheme of its own, each name to the letter, for reading only.

DuckDB knows one file system for each scheme, and two sources may reach theirs with different keys.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from fsspec import AbstractFileSystem


class ReadOnlyFileSystem(AbstractFileSystem):
    """The files of `inner` under `scheme`; a name is never taken for a pattern."""

    cachable = False

    def __init__(self, inner: Any, scheme: str) -> None:
        super().__init__()
        self.inner, self.protocol = inner, scheme

    def glob(self, path: str, **options: Any) -> list[str]:
        return [self._named(path)] if self.inner.exists(self._named(path)) else []

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb":
            raise PermissionError(f"{self._named(path)} is only read")
        return self.inner.open(self._named(path), mode)

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        return dict(self.inner.info(self._named(path)))

    def exists(self, path: str, **options: Any) -> bool:
        return bool(self.inner.exists(self._named(path)))

    def isfile(self, path: str) -> bool:
        return bool(self.inner.isfile(self._named(path)))

    def isdir(self, path: str) -> bool:
        return bool(self.inner.isdir(self._named(path)))

    def modified(self, path: str) -> datetime:
        try:
            return cast("datetime", self.inner.modified(self._named(path)))
        except NotImplementedError:
            return datetime.fromtimestamp(0, UTC)

    def _named(self, path: str) -> str:
        return path.removeprefix(f"{self.protocol}://")
