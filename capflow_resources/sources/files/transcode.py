"""Plain UTF-8 copies of compressed or differently encoded text files, for DuckDB to read.

DuckDB takes a truncated gzip or zstd file for a shorter one, and lacks most encodings. So such files are decompressed
strictly, in pieces of a megabyte, into a folder that is removed with the engine.
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
from capflow_resources.sources.files.file_store import StoredFile
from capflow_resources.sources.files.listing import Files
from partitions.customer import Customer, Source
from partitions.hints import did_you_mean

if TYPE_CHECKING:
    from ibis.backends.duckdb import Backend

FOLDER = "capflow-plain-"
MAX_LINE_BYTES = 16_000_000
PIECE = 1 << 20
COMPRESSED = (".gz", ".gzip", ".zst", ".zstd")
COMMON_ENCODINGS = (
    "utf-8",
    "latin-1",
    "utf-16",
    "cp1252",
    "cp1250",
    "cp1251",
    "iso8859-15",
    "cp850",
    "shift_jis",
    "gb18030",
)


def encoding(customer: Customer, source: Source) -> str:
    """Return Python's name of a source's encoding, any of its text codecs; raises SourceError for an unknown one."""
    named = str(source.options.get("encoding", "utf-8"))
    try:
        found = codecs.lookup(named)
        "".encode(named)  # a codec of bytes, like base64, refuses text
    except LookupError:
        what = f"encoding '{named}' cannot be read{did_you_mean(named, COMMON_ENCODINGS)}"
        remedy = f"Correct sources.{source.name}.options in {file_name(customer)}."
        raise source_error(customer, source, what, remedy) from None
    return "utf-8" if found.name in ("utf-8-sig", "ascii") else found.name


def duckdb_paths(
    customer: Customer, source: Source, files: Files, con: Backend, native: tuple[str, ...] = ("utf-8",)
) -> list[str]:
    """Return DuckDB's names for the files, or for their plain copies where compressed or not in a `native` encoding."""
    codec = encoding(customer, source)
    names, folder = files.names(con), None
    for index, file in enumerate(files.files):
        if codec in native and not file.place.lower().endswith(COMPRESSED):
            continue
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix=FOLDER))
            weakref.finalize(con, shutil.rmtree, folder, ignore_errors=True)
        names[index] = str(_write_copy(customer, source, files, file, codec, folder / str(index)))
    return names


def read_head(customer: Customer, source: Source, files: Files, file: StoredFile) -> str:
    """Return the first million characters of a file, or all that it has."""
    decoder = codecs.getincrementaldecoder(_codec_name(encoding(customer, source)))()
    text = ""
    with files.store.open(file) as packed:
        for piece in _read_pieces(customer, source, file, packed):
            text += _decode(customer, source, file, decoder, piece, 1 + text.count("\n"))
            if len(text) >= PIECE:
                return text
    return text + _decode(customer, source, file, decoder, b"", 1 + text.count("\n"), final=True)


def refuse_endless_line(customer: Customer, source: Source, files: Files, file: StoredFile) -> None:
    """Raise SourceError if a file's last line exceeds DuckDB's buffer: DuckDB would silently drop that line."""
    if file.size <= MAX_LINE_BYTES or file.place.lower().endswith(COMPRESSED):
        return
    for size in (1 << 16, MAX_LINE_BYTES):
        tail = files.store.tail(file, size)[:-2]
        if b"\n" in tail or b"\r" in tail:
            return
    raise _line_too_long_error(customer, source, file, "its last line")


def strip_copy_path(text: str) -> str:
    """Replace the path of a plain copy in a DuckDB error by the file's own name."""
    return re.sub(rf"[^\s\"']*{FOLDER}[^/\s]*/\d+/", "", text)


def _write_copy(customer: Customer, source: Source, files: Files, file: StoredFile, codec: str, folder: Path) -> Path:
    *folders, last = file.place.split("/")
    folder = folder.joinpath(*(part for part in folders if "=" in part))  # such folders give columns
    folder.mkdir(parents=True)
    name = Path(last)
    path = folder / (name.stem if name.suffix.lower() in COMPRESSED else name.name)
    decoder = None if codec == "utf-8" else codecs.getincrementaldecoder(_codec_name(codec))()
    lines, since_line = 1, 0
    with files.store.open(file) as packed, path.open("wb") as plain:
        for piece in _read_pieces(customer, source, file, packed):
            if decoder is not None:
                piece = _decode(customer, source, file, decoder, piece, lines).encode()
            plain.write(piece)
            lines += piece.count(b"\n")
            end = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
            since_line = since_line + len(piece) if end < 0 else len(piece) - end
            if since_line > MAX_LINE_BYTES:
                raise _line_too_long_error(customer, source, file, f"line {lines}")
        if decoder is not None:
            plain.write(_decode(customer, source, file, decoder, b"", lines, final=True).encode())
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
        raise _damage_error(customer, source, file, error) from None
    except OSError as error:
        if error.errno is None:  # raised by the decompressor, not by a disk or a store
            raise _damage_error(customer, source, file, error) from None
        raise _unreadable_error(customer, source, file, error) from None


def _decode(
    customer: Customer,
    source: Source,
    file: StoredFile,
    decoder: codecs.IncrementalDecoder,
    piece: bytes,
    line: int,
    final: bool = False,
) -> str:
    try:
        return decoder.decode(piece, final)
    except UnicodeError as error:
        if isinstance(error, UnicodeDecodeError):
            line += error.object[: error.start].decode(error.encoding, errors="ignore").count("\n")
        what = f"{file.place}, line {line}, is not in the encoding that it is read with, {encoding(customer, source)}"
        remedy = f"Name the right one in sources.{source.name}.options.encoding of {file_name(customer)}."
        raise source_error(customer, source, what, remedy) from None


def _codec_name(encoding: str) -> str:
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _line_too_long_error(customer: Customer, source: Source, file: StoredFile, line: str) -> SourceError:
    what = f"{file.place} has a line of more than {MAX_LINE_BYTES // 1_000_000} million bytes ({line})"
    return source_error(customer, source, what, "Send it again with shorter values, or whole if it was damaged.")


def _damage_error(customer: Customer, source: Source, file: StoredFile, error: Exception) -> SourceError:
    reason = (str(error).splitlines() or [""])[0][:200]
    return source_error(customer, source, f"{file.place} is cut off or damaged ({reason})", "Send it again, whole.")


def _unreadable_error(customer: Customer, source: Source, file: StoredFile, error: OSError) -> SourceError:
    reason = error.strerror or str(error).splitlines()[0][:200]
    remedy = f"Check the file and sources.{source.name} in {file_name(customer)}."
    return source_error(customer, source, f"{file.place} cannot be read ({reason})", remedy)
