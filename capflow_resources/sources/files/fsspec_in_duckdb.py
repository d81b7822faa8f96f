"""An fsspec file system for DuckDB: read-only, under a scheme of its own, each name taken literally.

DuckDB has one file system per scheme, and two sources may reach theirs with different keys.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from fsspec import AbstractFileSystem


class ReadOnlyFileSystem(AbstractFileSystem):
    """The files of `inner` under `scheme`; a name is never a pattern."""

    cachable = False

    def __init__(self, inner: Any, scheme: str) -> None:
        super().__init__()
        self.inner, self.protocol = inner, scheme

    def glob(self, path: str, **options: Any) -> list[str]:
        return [self._inner_path(path)] if self.inner.exists(self._inner_path(path)) else []

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb":
            raise PermissionError(f"{self._inner_path(path)} is only read")
        return self.inner.open(self._inner_path(path), mode)

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        return dict(self.inner.info(self._inner_path(path)))

    def exists(self, path: str, **options: Any) -> bool:
        return bool(self.inner.exists(self._inner_path(path)))

    def isfile(self, path: str) -> bool:
        return bool(self.inner.isfile(self._inner_path(path)))

    def isdir(self, path: str) -> bool:
        return bool(self.inner.isdir(self._inner_path(path)))

    def modified(self, path: str) -> datetime:
        try:
            return cast("datetime", self.inner.modified(self._inner_path(path)))
        except NotImplementedError:
            return datetime.fromtimestamp(0, UTC)

    def _inner_path(self, path: str) -> str:
        return path.removeprefix(f"{self.protocol}://")
