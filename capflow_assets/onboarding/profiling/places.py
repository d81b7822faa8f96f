"""From the URI that a user gives to the sources of a customer file: kinds, addresses, secrets and files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from capflow_resources.sources.databases.sql_connections import SCHEMES as SQL_SCHEMES
from partitions.hints import did_you_mean
from partitions.source_kinds import SOURCE_KINDS

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
MAX_FILES = 5000
# Kinds of source that a scheme or a file ending may mean: the first one that exists is used.
SCHEMES: Mapping[str, tuple[str, ...]] = {
    "postgresql": ("postgresql", "postgres", "sql"),
    "postgres": ("postgresql", "postgres", "sql"),
    "mysql": ("mysql", "mariadb", "sql"),
    "mariadb": ("mysql", "mariadb", "sql"),
    "mongodb": ("mongodb", "mongo"),
    "mongodb+srv": ("mongodb", "mongo"),
    "sqlite": ("sqlite",),
    "duckdb": ("duckdb",),
    "rediss": ("redis",),
}
ENDINGS: Mapping[str, tuple[str, ...]] = {
    "csv": ("csv",),
    "tsv": ("csv",),
    "txt": ("csv",),
    "parquet": ("parquet",),
    "pq": ("parquet",),
    "jsonl": ("jsonl", "json"),
    "ndjson": ("jsonl", "json"),
    "json": ("jsonl", "json"),
    "sqlite": ("sqlite",),
    "sqlite3": ("sqlite",),
    "db": ("sqlite",),
    "duckdb": ("duckdb",),
    "delta": ("delta",),
}
STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "file", "memory", "http", "https")
_SECRET_PARAMETERS = re.compile(r"pass|secret|token|key|credential|signature", re.I)


class PlaceError(ValueError):
    """A --from URI cannot be a source; the message is one line that says what to give instead."""


@dataclass(frozen=True)
class Place:
    """One source. `uri` is read, `written` stands in the customer file, `secrets` are the values of its variables.

    `options` stand in the file, `read_with` are the same with every variable filled in.
    """

    source: str
    kind: str
    uri: str
    written: str
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    read_with: Mapping[str, Any] = field(default_factory=dict)

    def with_extra(self, options: Mapping[str, Any]) -> Place:
        """Return the same place with further options."""
        return replace(self, options={**self.options, **options}, read_with={**self.read_with, **options})


def first_source_kind(names: Iterable[str]) -> str | None:
    """Return the first of these names that is a kind of source; None when none is."""
    return next((name for name in names if name in SOURCE_KINDS), None)


def expand_variables(text: str, environ: Mapping[str, str]) -> str:
    """Return `text` with every ${NAME} filled in; PlaceError for a variable that is not set."""
    for name in VARIABLE.findall(text):
        if not environ.get(name):
            raise PlaceError(f"environment variable {name} is not set, but --from names it")
    return VARIABLE.sub(lambda match: environ[match[1]], text)


def parse_server(uri: str, customer: str, environ: Mapping[str, str], taken_names: Iterable[str] = ()) -> Place | None:
    """Return the database server that a URI like postgresql://user:password@host/shop names; None for files.

    User, password and other secrets become ${CUSTOMER_USER}, ${CUSTOMER_PASSWORD}, ...; `secrets` holds their values.
    """
    scheme = uri.split("://")[0].lower() if "://" in uri else ""
    if not scheme or scheme in STORES:
        name = uri.partition("://")[2].partition("?")[0].partition("/")[2].rpartition("/")[2]
        if scheme not in ("http", "https") or "." in name or set("*?") & set(name) or "couchdb" not in SOURCE_KINDS:
            return None
        scheme = "couchdb"
    kind = first_source_kind(SCHEMES.get(scheme, (scheme,)))
    if kind is None and scheme in SQL_SCHEMES:
        kind = "sql"
    if kind is None:
        kinds = ", ".join(sorted(SOURCE_KINDS))
        near = did_you_mean(scheme, [*SCHEMES, *STORES])
        raise PlaceError(f"'{scheme}://' cannot be read{near} (kinds of source: {kinds})")
    written, secrets = extract_secrets(uri, customer)
    path = VARIABLE.sub("", written.partition("://")[2].partition("?")[0].partition("/")[2])
    source = _unique(_slug(path.strip("/").split("/")[-1]) or kind, taken_names)
    return Place(source, kind, expand_variables(written, {**environ, **secrets}), written, {}, secrets)


def extract_secrets(uri: str, customer: str) -> tuple[str, dict[str, str]]:
    """Return the URI with ${CUSTOMER_USER}, ${CUSTOMER_PASSWORD} and the like in place of secrets, and their values."""
    prefix = _variable_prefix(customer)
    secrets: dict[str, str] = {}

    def replace_secret(value: str, what: str) -> str:
        if not value or VARIABLE.fullmatch(value):
            return value
        variable = f"{prefix}_{what}"
        secrets[variable] = unquote(value)  # the value of a variable is used unquoted
        return f"${{{variable}}}"

    scheme, rest = uri.split("://", 1)
    login, at, place = rest.rpartition("@")
    if at:
        user, colon, password = login.partition(":")
        login = replace_secret(user, "USER") + (colon + replace_secret(password, "PASSWORD") if colon else "")
    path, question, query = place.partition("?")
    parts = []
    for part in query.split("&") if question else []:
        key, equals, value = part.partition("=")
        what = re.sub(r"[^A-Z0-9]+", "_", key.upper())
        parts.append(key + equals + (replace_secret(value, what) if _SECRET_PARAMETERS.search(key) else value))
    return f"{scheme}://{login}{at}{path}{question}{'&'.join(parts)}", secrets


def add_options(place: Place, options: Mapping[str, str], customer: str, environ: Mapping[str, str]) -> Place:
    """Return the place with those of the options ("delimiter": ";") that its kind of source has.

    A key or password becomes a variable, like those of an address. PlaceError for an option that no kind has.
    """
    for name in options:
        if not any(name in kind.options for kind in SOURCE_KINDS.values()):
            raise PlaceError(f"--option {name}: no kind of source has it")
    accepted = {name: text for name, text in options.items() if name in SOURCE_KINDS[place.kind].options}
    written: dict[str, Any] = {}
    filled: dict[str, Any] = {}
    secrets = dict(place.secrets)
    for name, text in accepted.items():
        is_secret = bool(_SECRET_PARAMETERS.search(name) or name == "connection_string")
        if is_secret and not VARIABLE.search(text):
            variable = f"{_variable_prefix(customer)}_{name.upper()}"
            secrets[variable] = text
            written[name], filled[name] = f"${{{variable}}}", text
        else:
            written[name] = _parse_value(text)
            filled[name] = _parse_value(expand_variables(text, environ))
    return replace(place, options=written, read_with=filled, secrets=secrets)


def _parse_value(text: str) -> Any:
    """Return a number or a boolean as YAML has them, other text unchanged."""
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        return float(text) if "." in text else int(text)
    return {"true": True, "false": False}.get(text, text)


def _variable_prefix(customer: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", customer.upper()).strip("_")


def secret_values(secrets: Mapping[str, str]) -> dict[str, str]:
    """Return each secret value with the ${NAME} that may be shown instead."""
    variables: dict[str, str] = {}
    for name, value in secrets.items():
        if len(value) > 2:  # one or two letters occur in every word
            variables[value] = f"${{{name}}}"
    return variables


def find_files(path_text: str, environ: Mapping[str, str]) -> tuple[list[tuple[str, str, Path]], list[Path]]:
    """Return the files of a path, folder or pattern as (kind, path to write, path), and those that cannot be read."""
    place = Path(expand_variables(path_text, environ)).expanduser().absolute()
    if place.is_dir() and (place / "_delta_log").is_dir():
        return [(_require_kind("delta"), _portable_path(path_text, place, place), place)], []
    paths = _list_files(place)
    readable = [(kind, _portable_path(path_text, place, path), path) for path in paths if (kind := file_kind(path))]
    ignored = [path for path in paths if not file_kind(path)]
    if not readable:
        what = f"no file matches {place}" if not paths else f"{place} holds no file that CapFlow reads"
        raise PlaceError(f"{what} (csv, parquet, json lines, sqlite, duckdb, or postgresql://... and others)")
    return readable, ignored


def file_kind(path: Path) -> str | None:
    """Return the kind of source that reads a file, by its first bytes and its ending; None for no kind."""
    if path.is_dir():
        return first_source_kind(ENDINGS["delta"])
    endings = [ending.lstrip(".").lower() for ending in path.suffixes if ending.lower() not in (".gz", ".zst")]
    start = _first_bytes(path)
    if start.startswith(b"SQLite format 3"):
        return first_source_kind(("sqlite",))
    if start[8:12] == b"DUCK":
        return first_source_kind(("duckdb",))
    if start.startswith(b"PAR1"):
        return "parquet"
    if endings and endings[-1] in ENDINGS:
        return first_source_kind(ENDINGS[endings[-1]])
    return None


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(32)


def _list_files(place: Path) -> list[Path]:
    import glob

    if place.is_file():
        return [place]
    pattern = f"{glob.escape(str(place))}/**" if place.is_dir() else str(place)
    paths = sorted(Path(path) for path in glob.iglob(pattern, recursive=True))  # noqa: PTH207 (absolute patterns)
    deltas = [path.parent for path in paths if path.name == "_delta_log" and path.is_dir()]
    files = [
        path
        for path in paths
        if path.is_file() and not path.name.startswith((".", "_")) and not any(d in path.parents for d in deltas)
    ]
    if len(files) > MAX_FILES:
        raise PlaceError(f"{place} holds more than {MAX_FILES:,} files: give a part of them, like {place}/sales_*.csv")
    return deltas + files


def _portable_path(path_text: str, place: Path, path: Path) -> str:
    """Return a file's path as it may be written: with the ${VARIABLE} that the user gave, else absolute."""
    if "${" not in path_text:
        return str(path)
    folder = path_text.rstrip("/")
    if place == path:
        return path_text
    steps = place.parts
    wild = next((index for index, step in enumerate(steps) if set("*?[") & set(step)), len(steps))
    cut = len(steps) - wild
    for _ in range(cut):
        folder = folder.rpartition("/")[0]
    return f"{folder}/{path.relative_to(Path(*steps[:wild])).as_posix()}"


def _require_kind(name: str) -> str:
    kind = first_source_kind((name,))
    if kind is None:
        kinds = ", ".join(sorted(SOURCE_KINDS))
        raise PlaceError(f"this is a {name} table, which cannot be read (kinds of source: {kinds})")
    return kind


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")


def _unique(name: str, taken_names: Iterable[str]) -> str:
    used = set(taken_names)
    return next(candidate for n in range(1, 1000) if (candidate := name if n == 1 else f"{name}_{n}") not in used)


def source_name(stem: str, taken_names: Iterable[str]) -> str:
    """Return a name for a source, from its files' names: `sales` for sales_2025-Q3.csv and the like."""
    plain = _slug(re.split(r"[\W_]*\d", stem)[0]) or _slug(stem) or "data"
    return _unique(plain, taken_names)
