"""Database URLs, scheme://user:password@host:port/database?option=value, with secrets taken literally."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from capflow_resources.sources.errors import file_name, source_error
from partitions.customer import Customer, Source
from partitions.hints import did_you_mean

_PRIVATE = 0xE000  # private-use code points stand in for secrets while a URL is parsed
_PARTS = re.compile(r"(?:(?P<login>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?:/(?P<path>[^?#]*))?(?:\?(?P<query>.*))?")
_HOST = re.compile(r"(?:\[(?P<ipv6>[^\]]*)\]|(?P<host>[^:\[\]]*))(?::(?P<port>\d*))?")


@dataclass(frozen=True)
class Address:
    """Where a database is and who reads it. `hosts` and `ports` may list several, as PostgreSQL allows."""

    scheme: str
    user: str = ""
    password: str = field(default="", repr=False)
    hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    path: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


def parse_address(customer: Customer, source: Source, schemes: Collection[str]) -> Address:
    """Parse a source's uri; raises SourceError if it is malformed.

    Values that ${NAME} substituted are taken literally, whatever characters they hold; only what the customer file
    itself spells out may be percent-encoded. A value that is itself a URL is parsed like one.
    """
    secrets = [value for value in sorted(customer.secrets, key=len, reverse=True) if "://" not in value]
    scheme, separator, rest = source.uri.partition("://")
    if not separator or scheme not in schemes:
        raise _uri_error(customer, source, schemes)
    for number, value in enumerate(secrets):
        rest = rest.replace(value, chr(_PRIVATE + number))

    def plain(text: str | None) -> str:
        text = unquote(text or "")
        for number, value in enumerate(secrets):
            text = text.replace(chr(_PRIVATE + number), value)
        return text

    parts = _PARTS.fullmatch(rest)
    hosts = [_parse_host(host, plain) for host in parts["hosts"].split(",")] if parts else [None]
    if not parts or None in hosts:
        raise _uri_error(customer, source, schemes)
    user, _, password = (parts["login"] or "").partition(":")
    return Address(
        scheme,
        plain(user),
        plain(password),
        tuple(host for host, _ in filter(None, hosts)),
        tuple(port for _, port in filter(None, hosts)),
        plain(parts["path"]),
        {plain(key): plain(value) for key, _, value in (part.partition("=") for part in _split_query(parts["query"]))},
    )


def unknown_table_error(customer: Customer, source: Source, table: str, name: str, names: Collection[str]) -> Exception:
    """Build the error for a table that the database does not have, with the nearest that it has."""
    what = (
        f"there is no table '{name}'{did_you_mean(name, names)}" if names else "the database shows this user no table"
    )
    return source_error(customer, source, what, f"Correct tables.{table}.table in {file_name(customer)}.")


def _parse_host(written: str, plain: Callable[[str | None], str]) -> tuple[str, str] | None:
    found = _HOST.fullmatch(plain(written))
    return (found["ipv6"] or found["host"] or "", found["port"] or "") if found else None


def _split_query(query: str | None) -> list[str]:
    return [part for part in (query or "").split("&") if part]


def _uri_error(customer: Customer, source: Source, schemes: Collection[str]) -> Exception:
    shape = f"{next(iter(schemes))}://${{USER}}:${{PASSWORD}}@host:port/database"
    remedy = f"Write sources.{source.name}.uri of {file_name(customer)} like {shape}."
    return source_error(customer, source, "its uri is not the address of a database", remedy)
