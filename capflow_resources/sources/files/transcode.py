"""Packed or differently encoded text files as plain UTF-8 files, which DuckDB reads whole or not at all.

DuckDB would read such files itself, but takes a gzip or zstd file that was cut off for a shorter one, and does not
have most encodings. So they are unpacked strictly, in pieces of a megabyte, into a folder that goes with the engine.
"""

from __future__ import annotations

import codecs
import gzip
import re
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from capflow_resources.sources.errors import SourceError, file_name, source_error
from capflow_resources.sources.files.listing import Files
from capflow_resources.sources.files.stores import StoredFile
from partitions.customer import Customer, Source
from partitions.hints import did_you_mean

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

FOLDER = "capflow-plain-"
LONGEST_LINE = 16_000_000
PIECE = 1 << 20
PACKED = (".gz", ".gzip", ".zst", ".zstd")
COMMON = ("utf-8", "latin-1", "utf-16", "cp1252", "cp1250", "cp1251", "iso8859-15", "cp850", "shift_jis", "gb18030")


def encoding(customer: Customer, source: Source) -> str:
    """Python's name of the encoding that a source is written in; any of Python's codecs of text will do."""
    named = str(source.options.get("encoding", "utf-8"))
    try:
        found = codecs.lookup(named)
        "".encode(named)  # a codec of bytes, like base64, refuses text
    except LookupError:
        what = f"encoding '{named}' cannot be read{did_you_mean(named, COMMON)}"
        remedy = f"Correct sources.{source.name}.options in {file_name(customer)}."
        raise source_error(customer, source, what, remedy) from None
    return "utf-8" if found.name in ("utf-8-sig", "ascii") else found.name


def duckdb_paths(
    customer: Customer, source: Source, files: Files, con: Backend, native: tuple[str, ...] = ("utf-8",)
) -> list[str]:
    """How DuckDB calls the files, or their plain copies where they are packed or in an encoding not in `native`."""
    written_in = encoding(customer, source)
    names, folder = files.names(con), None
    for index, file in enumerate(files.files):
        if written_in in native and not file.place.lower().endswith(PACKED):
            continue
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix=FOLDER))
            weakref.finalize(con, shutil.rmtree, folder, ignore_errors=True)
        names[index] = str(_write_copy(customer, source, files, file, written_in, folder / str(index)))
    return names


def read_head(customer: Customer, source: Source, files: Files, file: StoredFile) -> str:
    """The first million letters of a file, or all that it has."""
    letters = codecs.getincrementaldecoder(_codec_name(encoding(customer, source)))()
    text = ""
    with files.store.opened(file) as packed:
        for piece in _read_pieces(customer, source, file, packed):
            text += _decode(customer, source, file, letters, piece, 1 + text.count("\n"))
            if len(text) >= PIECE:
                return text
    return text + _decode(customer, source, file, letters, b"", 1 + text.count("\n"), final=True)


def refuse_endless_line(customer: Customer, source: Source, files: Files, file: StoredFile) -> None:
    """SourceError for a file whose last line is longer than DuckDB's buffer: DuckDB would leave that line out."""
    if file.size <= LONGEST_LINE or file.place.lower().endswith(PACKED):
        return
    for size in (1 << 16, LONGEST_LINE):
        tail = files.store.tail(file, size)[:-2]
        if b"\n" in tail or b"\r" in tail:
            return
    raise _line_too_long_error(customer, source, file, "its last line")


def strip_copy_path(text: str) -> str:
    """An error of DuckDB with the name of a plain copy, which says nothing to a reader, cut to the file's own."""
    return re.sub(rf"[^\s\"']*{FOLDER}[^/\s]*/\d+/", "", text)


def _write_copy(
    customer: Customer, source: Source, files: Files, file: StoredFile, written_in: str, folder: Path
) -> Path:
    *folders, last = file.place.split("/")
    folder = folder.joinpath(*(part for part in folders if "=" in part))  # such folders give columns
    folder.mkdir(parents=True)
    name = Path(last)
    path = folder / (name.stem if name.suffix.lower() in PACKED else name.name)
    letters = None if written_in == "utf-8" else codecs.getincrementaldecoder(_codec_name(written_in))()
    lines, since_line = 1, 0
    with files.store.opened(file) as packed, path.open("wb") as plain:
        for piece in _read_pieces(customer, source, file, packed):
            if letters is not None:
                piece = _decode(customer, source, file, letters, piece, lines).encode()
            plain.write(piece)
            lines += piece.count(b"\n")
            end = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
            since_line = since_line + len(piece) if end < 0 else len(piece) - end
            if since_line > LONGEST_LINE:
                raise _line_too_long_error(customer, source, file, f"line {lines}")
        if letters is not None:
            plain.write(_decode(customer, source, file, letters, b"", lines, final=True).encode())
    return path


def _read_pieces(customer: Customer, source: Source, file: StoredFile, packed: BinaryIO) -> Iterator[bytes]:
    import pyarrow as pa

    suffix = "." + file.place.lower().rpartition(".")[2]
    try:
        plain = packed
        if suffix in (".gz", ".gzip"):
            plain = cast("BinaryIO", gzip.GzipFile(fileobj=packed))
        elif suffix in (".zst", ".zstd"):
            plain = cast("BinaryIO", pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd"))
        while piece := bytes(plain.read(PIECE)):
            yield piece
    except (EOFError, zlib.error, gzip.BadGzipFile, pa.ArrowInvalid) as error:
        raise _damaged_error(customer, source, file, error) from None
    except OSError as error:
        if error.errno is None:  # a complaint of the unpacker's, not of a disk or a store
            raise _damaged_error(customer, source, file, error) from None
        raise _unreadable_error(customer, source, file, error) from None


def _decode(
    customer: Customer,
    source: Source,
    file: StoredFile,
    letters: codecs.IncrementalDecoder,
    piece: bytes,
    line: int,
    final: bool = False,
) -> str:
    try:
        return letters.decode(piece, final)
    except UnicodeError as error:
        if isinstance(error, UnicodeDecodeError):
            line += error.object[: error.start].decode(error.encoding, errors="ignore").count("\n")
        what = f"{file.place}, line {line}, is not in the encoding that it is read with, {encoding(customer, source)}"
        remedy = f"Name the right one in sources.{source.name}.options.encoding of {file_name(customer)}."
        raise source_error(customer, source, what, remedy) from None


def _codec_name(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _line_too_long_error(customer: Customer, source: Source, file: StoredFile, line: str) -> SourceError:
    what = f"{file.place} has a line of more than {LONGEST_LINE // 1_000_000} million bytes ({line})"
    return source_error(customer, source, what, "Send it again with shorter values, or whole if it was damaged.")


def _damaged_error(customer: Customer, source: Source, file: StoredFile, error: Exception) -> SourceError:
    said = (str(error).splitlines() or [""])[0][:200]
    return source_error(customer, source, f"{file.place} is cut off or damaged ({said})", "Send it again, whole.")


def _unreadable_error(customer: Customer, source: Source, file: StoredFile, error: OSError) -> SourceError:
    said = error.strerror or str(error).splitlines()[0][:200]
    remedy = f"Check the file and sources.{source.name} in {file_name(customer)}."
    return source_error(customer, source, f"{file.place} cannot be read ({said})", remedy)
