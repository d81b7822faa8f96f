"""Files in a bucket of S3, or of a store that speaks its protocol."""

from __future__ import annotations

import glob
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

from capflow_resources.s3 import find_access
from capflow_resources.sources.errors import SourceError, file_name, source_error
from capflow_resources.sources.files.file_store import StoredFile
from capflow_resources.sources.files.patterns import matches
from capflow_resources.sources.files.roots import literal_folder
from capflow_resources.sources.options import timeout_seconds
from partitions.customer import Customer, Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from obstore.store import S3Store

    from capflow_resources.s3 import S3Access

# Patterns in a store's error text, each with its clause. obstore's own text repeats requests over many lines.
FAULTS = {
    "NoSuchBucket": "there is no bucket '{bucket}'",
    "InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken": "S3 refuses the keys",
    "AccessDenied|403 Forbidden|401 Unauthorized": "S3 does not let these keys read '{bucket}'",
    "PermanentRedirect|301 Moved|AuthorizationHeaderMalformed": "the bucket '{bucket}' is in another region",
    "timed? ?out|deadline|[Tt]imeout": "{host} gave no answer within {seconds} s",
    "dns|resolve|refused|error sending request|[Cc]onnect": "{host} cannot be reached",
    "404 Not Found|NoSuchKey": "a file of '{bucket}' is gone",
}


class S3FileStore:
    """Objects by URI or pattern; credentials come from the source's options, or else from the environment."""

    def __init__(self, customer: Customer, source: Source) -> None:
        self.customer, self.source = customer, source
        self.scheme, _, rest = source.uri.partition("://")
        self.bucket = rest.partition("/")[0]
        if not self.bucket or set("*?[") & set(self.bucket):
            remedy = (
                f"Write sources.{source.name}.uri of {file_name(customer)} like s3://bucket/folder/*.{source.kind}."
            )
            raise source_error(customer, source, f"'{source.uri}' names no bucket", remedy)

    @cached_property
    def access(self) -> S3Access:
        """The credentials and endpoint that this source is read with."""
        keys = {"access_key_id", "secret_access_key"} & self.source.options.keys()
        if len(keys) == 1:
            where = f"sources.{self.source.name}.options of {file_name(self.customer)}"
            raise source_error(self.customer, self.source, f"only {keys.pop()} is given", f"Give both keys in {where}.")
        options = {name: value for name, value in self.source.options.items() if name != "timeout_seconds"}
        return find_access(options, seconds=timeout_seconds(self.customer, self.source))

    @cached_property
    def _bucket(self) -> S3Store:
        return self.access.store(self.bucket)

    def find(self, pattern: str) -> list[StoredFile]:
        import obstore

        key = pattern.partition("://")[2].partition("/")[2]
        with self._explain_errors():
            if not set("*?[") & set(key):
                return self._find_exact(key)
            prefix = literal_folder(key)
            pages = obstore.list(self._bucket, prefix or None)
            found = [self._to_file(item) for page in pages for item in page if matches(item["path"], key)]
        return sorted(
            (file for file in found if file.size or not file.place.endswith("/")), key=lambda file: file.place
        )

    def open(self, file: StoredFile) -> BinaryIO:
        import obstore

        with self._explain_errors():
            return io.BufferedReader(_ObjectStream(obstore.open_reader(self._bucket, self._key(file))))

    def tail(self, file: StoredFile, size: int) -> bytes:
        import obstore

        start = max(file.size - size, 0)
        with self._explain_errors():
            return obstore.get_range(self._bucket, self._key(file), start=start, end=file.size).to_bytes()

    def attach(self, con: DuckDBPyConnection) -> None:
        try:
            self.access.attach(con, f"{self.scheme}://{literal_folder(self.source.uri).partition('://')[2]}")
        except ModuleNotFoundError:
            remedy = "Install it: pip install 'capflow[aws]'."
            raise source_error(self.customer, self.source, "DuckDB's httpfs is not installed", remedy) from None

    def duckdb_name(self, file: StoredFile) -> str:
        return glob.escape(file.place)

    def _find_exact(self, key: str) -> list[StoredFile]:
        import obstore

        try:
            return [self._to_file(obstore.head(self._bucket, key))]
        except FileNotFoundError:
            next(
                iter(obstore.list(self._bucket, key, chunk_size=1)), None
            )  # raises for a missing bucket, not for a missing key
            return []

    def _to_file(self, item: Any) -> StoredFile:
        etag = item["e_tag"] or item["last_modified"].isoformat()
        return StoredFile(f"{self.scheme}://{self.bucket}/{item['path']}", item["size"], etag)

    def _key(self, file: StoredFile) -> str:
        return file.place.partition("://")[2].partition("/")[2]

    @contextmanager
    def _explain_errors(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            raise self.translate_error(str(error)) from None

    def translate_error(self, text: str) -> SourceError:
        """Translate an error text of the store into a SourceError."""
        return source_error(self.customer, self.source, self._clause(text), self._remedy())

    def _clause(self, text: str) -> str:
        host = self.access.endpoint or "S3"
        facts = {"bucket": self.bucket, "host": host, "seconds": self.access.seconds}
        for signs, words in FAULTS.items():
            if re.search(signs, text):
                return words.format(**facts)
        return f"{host} cannot be read ({text.splitlines()[0][:200]})"

    def _remedy(self) -> str:
        options = f"sources.{self.source.name}.uri and .options (region, endpoint, keys) in {file_name(self.customer)}"
        if self.access.access_key_id:
            return f"Correct {options}, or AWS_* in the environment."
        return f"No keys were found: set {options}, or AWS_* in the environment (roles: pip install 'capflow[aws]')."


class _ObjectStream(io.RawIOBase):
    """An object of a bucket as a raw binary stream."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self.reader.read(len(buffer)).to_bytes()
        buffer[: len(piece)] = piece
        return len(piece)
