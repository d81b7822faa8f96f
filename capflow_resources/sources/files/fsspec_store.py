"""Files on any store that fsspec supports: Google, Azure, SFTP, a web server, or any other with a package for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from capflow_resources.sources.errors import file_name, source_error
from capflow_resources.sources.files.file_store import StoredFile
from capflow_resources.sources.files.patterns import matches
from capflow_resources.sources.options import timeout_seconds
from capflow_resources.sources.time_limit import NoAnswerError, run_with_timeout
from partitions.customer import Customer, Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

T = TypeVar("T")
ETAG_FIELDS = (
    "etag",
    "generation",
    "md5",
    "content_md5",
    "mtime",
    "last_modified",
    "lastmodified",
    "updated",
    "created",
)
OPTIONS = ("account_name", "account_key", "connection_string", "token", "username", "password")


class FsspecStore:
    """Files by URL or pattern, through the package that fsspec registers for the URL's scheme.

    Credentials come from the store's own environment variables, or from these options: `account_name`, `account_key`,
    `connection_string`, `token`, `username`, `password`.
    """

    def __init__(self, customer: Customer, source: Source) -> None:
        self.customer, self.source = customer, source
        self.scheme = source.uri.partition("://")[0]
        if "::" in source.uri:  # a chain could reach this machine's own files
            raise source_error(customer, source, f"'{source.uri}' is a chain of places", self._remedy())

    @cached_property
    def _file_system(self) -> tuple[Any, str]:
        """fsspec's file system, and the prefix that its names have in a URL."""
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations

        options = {name: self.source.options[name] for name in OPTIONS if name in self.source.options}

        def reach() -> tuple[Any, str]:
            files, name = url_to_fs(self.source.uri, **options, skip_instance_cache=True)
            is_end = self.source.uri.endswith(name)
            return files, self.source.uri[: -len(name)] if is_end else f"{self.scheme}://"

        with self._explain_errors():
            try:
                return self._run_in_time(reach)
            except ImportError:
                package = known_implementations.get(self.scheme, {}).get("class", "").partition(".")[0]
                what = f"'{self.scheme}://' needs a package that is not installed ({package})"
                remedy = f"Install it beside CapFlow: pip install {package}."
                raise source_error(self.customer, self.source, what, remedy) from None
            except ValueError:
                if self.scheme in known_implementations:
                    raise
                what = f"'{self.scheme}://' is no known kind of place"
                remedy = f"Use a path, s3://, gs://, az:// or sftp://. {self._remedy()}"
                raise source_error(self.customer, self.source, what, remedy) from None

    def find(self, pattern: str) -> list[StoredFile]:
        """List the files; patterns are matched by the store's own package."""
        files, before = self._file_system
        name = pattern.removeprefix(before)

        def list_entries() -> dict[str, Any]:
            if set("*?[") & set(name):
                entries = dict(files.glob(name, detail=True))
                return {path: info for path, info in entries.items() if matches(path, name)}
            return {name: files.info(name)} if files.exists(name) else {}

        with self._explain_errors():
            entries = self._run_in_time(list_entries)
        found = [
            StoredFile(before + path, int(info.get("size") or 0), _etag(info))
            for path, info in entries.items()
            if info.get("type") != "directory"
        ]
        return sorted(found, key=lambda file: file.place)

    def open(self, file: StoredFile) -> BinaryIO:
        with self._explain_errors():
            return cast("BinaryIO", self._run_in_time(lambda: self._files.open(self._name(file), "rb")))

    def tail(self, file: StoredFile, size: int) -> bytes:
        start = max(file.size - size, 0)
        with self._explain_errors():
            return bytes(self._run_in_time(lambda: self._files.cat_file(self._name(file), start=start, end=file.size)))

    def attach(self, con: DuckDBPyConnection) -> None:
        from capflow_resources.sources.files.fsspec_in_duckdb import ReadOnlyFileSystem

        if self._duckdb_scheme in con.list_filesystems():
            con.unregister_filesystem(self._duckdb_scheme)
        con.register_filesystem(ReadOnlyFileSystem(self._files, self._duckdb_scheme))

    def duckdb_name(self, file: StoredFile) -> str:
        return f"{self._duckdb_scheme}://{self._name(file)}"

    @property
    def _files(self) -> Any:
        return self._file_system[0]

    def _name(self, file: StoredFile) -> str:
        return file.place.removeprefix(self._file_system[1])

    @property
    def _duckdb_scheme(self) -> str:
        facts = f"{self.customer.name}/{self.source.name}/{self.source.uri}"
        return f"capflow{hashlib.sha256(facts.encode()).hexdigest()[:12]}"

    def _run_in_time(self, call: Callable[[], T]) -> T:
        """Return what `call` does; raises SourceError on timeout, because fsspec's packages have no common limit."""
        seconds = timeout_seconds(self.customer, self.source)
        try:
            return run_with_timeout(seconds, call)
        except NoAnswerError:
            what = f"{self.scheme}:// gave no answer within {seconds} s"
            raise source_error(self.customer, self.source, what, self._remedy()) from None

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        from capflow_resources.sources.errors import SourceError

        try:
            yield
        except SourceError:
            raise
        except Exception as error:  # each of fsspec's packages has errors of its own
            text = (str(error).splitlines() or [""])[0][:200] or type(error).__name__
            what = f"{self.scheme}:// cannot be read ({text})"
            raise source_error(self.customer, self.source, what, self._remedy()) from None

    def _remedy(self) -> str:
        return f"Correct sources.{self.source.name}.uri or .options in {file_name(self.customer)}."


def _etag(info: dict[str, Any]) -> str:
    """Join the facts that identify a file's bytes: an access time would change with every read."""
    facts = {name.lower().replace("-", "_"): value for name, value in info.items()}
    return ",".join(f"{name}={facts[name]}" for name in ETAG_FIELDS if facts.get(name))
