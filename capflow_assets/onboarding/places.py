"""From the URI that a user gives to the sources of a customer file: which kind, which files belong together."""

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
MOST_FILES = 5000
# What a scheme or an ending is called among the kinds of source: the first one that exists is taken.
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
    """What was given as --from cannot be a source; the message is one line that says what to give instead."""


@dataclass(frozen=True)
class Place:
    """One source: `uri` as it is read, `written` as it may stand in a file, `secrets` the values of its variables.

    `options` are as they may stand in a file, `read_with` the same with every variable filled.
    """

    source: str
    kind: str
    uri: str
    written: str
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    read_with: Mapping[str, Any] = field(default_factory=dict)

    def having(self, options: Mapping[str, Any]) -> Place:
        """The same place with further options."""
        return replace(self, options={**self.options, **options}, read_with={**self.read_with, **options})


def kind_of(names: Iterable[str]) -> str | None:
    """The first of these names that is a kind of source."""
    return next((name for name in names if name in SOURCE_KINDS), None)


def expand(text: str, environ: Mapping[str, str]) -> str:
    """`text` with every ${NAME} filled; PlaceError for one that is not set."""
    for name in VARIABLE.findall(text):
        if not environ.get(name):
            raise PlaceError(f"environment variable {name} is not set, but --from names it")
    return VARIABLE.sub(lambda match: environ[match[1]], text)


def server(given: str, customer: str, environ: Mapping[str, str], taken: Iterable[str] = ()) -> Place | None:
    """The database server that a URI like postgresql://user:password@host/shop names; None for files.

    What may not stand in a file becomes ${CUSTOMER_USER}, ${CUSTOMER_PASSWORD}, ..., and is told under `secrets`.
    """
    scheme = given.split("://")[0].lower() if "://" in given else ""
    if not scheme or scheme in STORES:
        name = given.partition("://")[2].partition("?")[0].partition("/")[2].rpartition("/")[2]
        if scheme not in ("http", "https") or "." in name or set("*?") & set(name) or "couchdb" not in SOURCE_KINDS:
            return None
        scheme = "couchdb"
    kind = kind_of(SCHEMES.get(scheme, (scheme,)))
    if kind is None and scheme in SQL_SCHEMES:
        kind = "sql"
    if kind is None:
        known = ", ".join(sorted(SOURCE_KINDS))
        near = did_you_mean(scheme, [*SCHEMES, *STORES])
        raise PlaceError(f"'{scheme}://' cannot be read{near} (kinds of source: {known})")
    written, secrets = without_secrets(given, customer)
    path = VARIABLE.sub("", written.partition("://")[2].partition("?")[0].partition("/")[2])
    source = _unique(_plain(path.strip("/").split("/")[-1]) or kind, taken)
    return Place(source, kind, expand(written, {**environ, **secrets}), written, {}, secrets)


def without_secrets(uri: str, customer: str) -> tuple[str, dict[str, str]]:
    """The URI with ${CUSTOMER_USER}, ${CUSTOMER_PASSWORD} and the like for what is secret, and their values."""
    prefix = _prefix(customer)
    secrets: dict[str, str] = {}

    def hidden(value: str, what: str) -> str:
        if not value or VARIABLE.fullmatch(value):
            return value
        variable = f"{prefix}_{what}"
        secrets[variable] = unquote(value)  # what comes from a variable is taken as it is
        return f"${{{variable}}}"

    scheme, rest = uri.split("://", 1)
    login, at, place = rest.rpartition("@")
    if at:
        user, colon, password = login.partition(":")
        login = hidden(user, "USER") + (colon + hidden(password, "PASSWORD") if colon else "")
    path, question, query = place.partition("?")
    parts = []
    for part in query.split("&") if question else []:
        key, equals, value = part.partition("=")
        what = re.sub(r"[^A-Z0-9]+", "_", key.upper())
        parts.append(key + equals + (hidden(value, what) if _SECRET_PARAMETERS.search(key) else value))
    return f"{scheme}://{login}{at}{path}{question}{'&'.join(parts)}", secrets


def with_options(place: Place, options: Mapping[str, str], customer: str, environ: Mapping[str, str]) -> Place:
    """The place with those of the options ("delimiter": ";") that its kind of source takes.

    A key or password becomes a variable, like those of an address. PlaceError for an option that no kind takes.
    """
    for name in options:
        if not any(name in kind.options for kind in SOURCE_KINDS.values()):
            raise PlaceError(f"--option {name}: no kind of source takes it")
    taken = {name: text for name, text in options.items() if name in SOURCE_KINDS[place.kind].options}
    written: dict[str, Any] = {}
    filled: dict[str, Any] = {}
    secrets = dict(place.secrets)
    for name, text in taken.items():
        is_secret = bool(_SECRET_PARAMETERS.search(name) or name == "connection_string")
        if is_secret and not VARIABLE.search(text):
            variable = f"{_prefix(customer)}_{name.upper()}"
            secrets[variable] = text
            written[name], filled[name] = f"${{{variable}}}", text
        else:
            written[name] = _plain_value(text)
            filled[name] = _plain_value(expand(text, environ))
    return replace(place, options=written, read_with=filled, secrets=secrets)


def _plain_value(text: str) -> Any:
    """A number or true and false as YAML has them, other text as it is."""
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        return float(text) if "." in text else int(text)
    return {"true": True, "false": False}.get(text, text)


def _prefix(customer: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", customer.upper()).strip("_")


def secret_values(secrets: Mapping[str, str]) -> dict[str, str]:
    """Each secret value, as written and as meant, with the ${NAME} that may be shown for it."""
    shown: dict[str, str] = {}
    for name, value in secrets.items():
        if len(value) > 2:  # a letter or two would be found in every word
            shown[value] = f"${{{name}}}"
    return shown


def files(given: str, environ: Mapping[str, str]) -> tuple[list[tuple[str, str, Path]], list[Path]]:
    """The files of a path, folder or pattern: (kind, as it may be written, path), and those that cannot be read."""
    place = Path(expand(given, environ)).expanduser().absolute()
    if place.is_dir() and (place / "_delta_log").is_dir():
        return [(_require("delta"), _written(given, place, place), place)], []
    found = _listed(place)
    read = [(kind, _written(given, place, path), path) for path in found if (kind := file_kind(path))]
    ignored = [path for path in found if not file_kind(path)]
    if not read:
        what = f"no file matches {place}" if not found else f"{place} holds no file that CapFlow reads"
        raise PlaceError(f"{what} (csv, parquet, json lines, sqlite, duckdb, or postgresql://... and others)")
    return read, ignored


def file_kind(path: Path) -> str | None:
    """The kind of source that reads a file: by its ending, and where that says nothing by its first bytes."""
    if path.is_dir():
        return kind_of(ENDINGS["delta"])
    endings = [ending.lstrip(".").lower() for ending in path.suffixes if ending.lower() not in (".gz", ".zst")]
    start = _start(path)
    if start.startswith(b"SQLite format 3"):
        return kind_of(("sqlite",))
    if start[8:12] == b"DUCK":
        return kind_of(("duckdb",))
    if start.startswith(b"PAR1"):
        return "parquet"
    if endings and endings[-1] in ENDINGS:
        return kind_of(ENDINGS[endings[-1]])
    return None


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(32)


def _listed(place: Path) -> list[Path]:
    import glob

    if place.is_file():
        return [place]
    pattern = f"{glob.escape(str(place))}/**" if place.is_dir() else str(place)
    found = sorted(Path(path) for path in glob.iglob(pattern, recursive=True))  # noqa: PTH207 (absolute patterns)
    deltas = [path.parent for path in found if path.name == "_delta_log" and path.is_dir()]
    kept = [
        path
        for path in found
        if path.is_file() and not path.name.startswith((".", "_")) and not any(d in path.parents for d in deltas)
    ]
    if len(kept) > MOST_FILES:
        raise PlaceError(f"{place} holds more than {MOST_FILES:,} files: name a part of them, like {place}/sales_*.csv")
    return deltas + kept


def _written(given: str, place: Path, path: Path) -> str:
    """A file's path as it may be written: with the ${VARIABLE} that the user gave, else absolute."""
    if "${" not in given:
        return str(path)
    folder = given.rstrip("/")
    if place == path:
        return given
    steps = place.parts
    wild = next((index for index, step in enumerate(steps) if set("*?[") & set(step)), len(steps))
    cut = len(steps) - wild
    for _ in range(cut):
        folder = folder.rpartition("/")[0]
    return f"{folder}/{path.relative_to(Path(*steps[:wild])).as_posix()}"


def _require(name: str) -> str:
    kind = kind_of((name,))
    if kind is None:
        raise PlaceError(f"this is a {name} table, which cannot be read yet (kinds: {', '.join(sorted(SOURCE_KINDS))})")
    return kind


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "_", name.lower()).strip("_")


def _unique(name: str, taken: Iterable[str]) -> str:
    used = set(taken)
    return next(candidate for n in range(1, 1000) if (candidate := name if n == 1 else f"{name}_{n}") not in used)


def source_name(stem: str, taken: Iterable[str]) -> str:
    """A name for a source, after its files: sales_2025-Q3.csv and its like are `sales`."""
    plain = _plain(re.split(r"[\W_]*\d", stem)[0]) or _plain(stem) or "data"
    return _unique(plain, taken)
