"""The login in a document store's uri, percent-encoded as the drivers expect."""

from __future__ import annotations

from urllib.parse import quote

from partitions.customer import Customer

_PRIVATE = 0xE000  # private-use code points stand in for secrets while a URL is parsed


def quote_login(customer: Customer, uri: str) -> str:
    """Return `uri` with the user name and password that came from ${NAME} percent-encoded.

    What the customer file itself spells out stays as it is, and so does a value that is a whole URL.
    """
    secrets = [value for value in sorted(customer.secrets, key=len, reverse=True) if "://" not in value]
    scheme, separator, rest = uri.partition("://")
    for index, value in enumerate(secrets):
        rest = rest.replace(value, chr(_PRIVATE + index))
    place, slash, path = rest.partition("/")
    login, at, host = place.rpartition("@")
    for index, value in enumerate(secrets):
        placeholder = chr(_PRIVATE + index)
        login = login.replace(placeholder, quote(value, safe=""))
        host, path = host.replace(placeholder, value), path.replace(placeholder, value)
    return f"{scheme}{separator}{login}{at}{host}{slash}{path}"
